# Run by tests/integration/terraform/test_modules.py, or with `terraform test` in this module.
mock_provider "databricks" {
  mock_resource "databricks_storage_credential" {
    defaults = {
      aws_iam_role = { external_id = "0000", unity_catalog_iam_arn = "arn:aws:iam::414351767826:role/unity-catalog" }
    }
  }
}

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  name                     = "transaction-patterns-dev"
  catalog                  = "main"
  warehouse_id             = "w"
  readers                  = ["analysts"]
  writer                   = null
  lake_url                 = "s3://lake/lake"
  bucket                   = "lake"
  lake_prefix              = "lake"
  key_arn                  = "arn:aws:kms:eu-central-1:123456789012:key/k"
  permissions_boundary_arn = null
}

run "nothing_is_managed_and_nothing_is_writable" {
  assert {
    condition     = toset([for table in databricks_sql_table.state : table.table_type]) == toset(["EXTERNAL"])
    error_message = "a table is managed"
  }

  assert {
    condition     = toset([for table in databricks_sql_table.view : table.table_type]) == toset(["VIEW"])
    error_message = "a view is a table"
  }

  assert {
    condition     = databricks_storage_credential.state.read_only && databricks_external_location.state.read_only
    error_message = "Unity Catalog can write"
  }

  assert {
    condition     = databricks_sql_table.state["pairs"].storage_location == "s3://lake/lake/state/pairs"
    error_message = "the table is elsewhere"
  }

  assert {
    condition     = toset(flatten([for grant in databricks_grants.schema[0].grant : grant.privileges])) == toset(["SELECT", "USE_SCHEMA"])
    error_message = "readers can do more than read"
  }
}

run "where_spark_writes_its_principal_may_write_and_nobody_else" {
  variables {
    writer = "00000000-0000-0000-0000-000000000000"
  }

  assert {
    condition     = !databricks_external_location.state.read_only && !databricks_storage_credential.state.read_only
    error_message = "Spark cannot write the state"
  }

  assert {
    condition     = toset([for grant in databricks_grants.writer[0].grant : grant.principal]) == toset(["00000000-0000-0000-0000-000000000000"])
    error_message = "somebody else may write the state"
  }

  assert {
    condition     = alltrue([for grant in databricks_grants.schema[0].grant : !contains(grant.privileges, "MODIFY") if grant.principal == "analysts"])
    error_message = "readers may change the tables"
  }
}
