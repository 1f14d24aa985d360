# Tables and views for SQL over the lake's state. All tables are external, and only the detector writes them: with
# deltalake, beside Unity Catalog, or with Spark, which Unity Catalog must then allow.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  role_name = "${var.name}-unity-catalog"
  # Derived from the name, because credential and role need each other.
  role_arn = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:role/${local.role_name}"
  tables   = toset(["pairs", "merchants", "detections"])
}

resource "databricks_storage_credential" "state" {
  name      = local.role_name
  comment   = "The state of ${var.name}"
  read_only = var.writer == null
  # The role exists only after the credential, which has its external id.
  skip_validation = true

  aws_iam_role {
    role_arn = local.role_arn
  }
}

resource "databricks_external_location" "state" {
  name            = "${var.name}-state"
  comment         = "The state of ${var.name}"
  url             = "${var.lake_url}/state"
  credential_name = databricks_storage_credential.state.name
  read_only       = var.writer == null

  depends_on = [aws_iam_role_policy.state]
}

resource "databricks_grants" "writer" {
  count             = var.writer == null ? 0 : 1
  external_location = databricks_external_location.state.id

  grant {
    principal  = var.writer
    privileges = ["READ_FILES", "WRITE_FILES"]
  }
}

# A schema of its own, in a catalog of yours.
resource "databricks_schema" "state" {
  catalog_name = var.catalog
  name         = replace(var.name, "-", "_")
  comment      = "The state of ${var.name}; written by its detector alone"
}

resource "databricks_sql_table" "state" {
  for_each = local.tables

  catalog_name       = databricks_schema.state.catalog_name
  schema_name        = databricks_schema.state.name
  name               = "state_${each.key}"
  comment            = "state/${each.key} as the detector appends to it"
  table_type         = "EXTERNAL"
  data_source_format = "DELTA"
  storage_location   = "${databricks_external_location.state.url}/${each.key}"
  warehouse_id       = var.warehouse_id

  # The detector adds columns in newer releases.
  lifecycle {
    ignore_changes = [column]
  }
}

resource "databricks_sql_table" "view" {
  for_each = local.tables

  catalog_name    = databricks_schema.state.catalog_name
  schema_name     = databricks_schema.state.name
  name            = each.key
  comment         = var.view_comments[each.key]
  table_type      = "VIEW"
  view_definition = templatefile("${path.module}/views/${each.key}.sql", { table = databricks_sql_table.state[each.key].id })
  warehouse_id    = var.warehouse_id
}

resource "databricks_grants" "schema" {
  count  = length(var.readers) > 0 || var.writer != null ? 1 : 0
  schema = databricks_schema.state.id

  dynamic "grant" {
    for_each = toset(var.readers)

    content {
      principal  = grant.value
      privileges = ["USE_SCHEMA", "SELECT"]
    }
  }

  # A table at the path that is written.
  dynamic "grant" {
    for_each = var.writer == null ? [] : [var.writer]

    content {
      principal  = grant.value
      privileges = ["USE_SCHEMA", "SELECT", "MODIFY"]
    }
  }
}
