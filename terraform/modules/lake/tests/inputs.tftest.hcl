# Run by tests/integration/terraform/test_modules.py, or with `terraform test` in this module.
mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  name                          = "transaction-patterns-dev"
  protect_data                  = true
  old_version_days              = 7
  log_days                      = 30
  airflow_trust                 = { services = ["airflow.amazonaws.com"] }
  databricks_cross_account_role = "databricks"
  permissions_boundary_arn      = "arn:aws:iam::123456789012:policy/boundary"
}

run "every_role_has_the_boundary" {
  command = plan

  assert {
    condition     = alltrue([for role in [aws_iam_role.jobs, aws_iam_role.airflow] : role.permissions_boundary == var.permissions_boundary_arn])
    error_message = "a role has no boundary"
  }
}

run "logs_expire_and_protected_data_does_not" {
  command = plan

  assert {
    condition     = local.buckets["logs"].force_destroy && !local.buckets["lake"].force_destroy && !local.buckets["incoming"].force_destroy
    error_message = "a destroy deletes data, or stops at logs"
  }

  assert {
    condition     = aws_s3_bucket_lifecycle_configuration.logs.rule[0].expiration[0].days == 30
    error_message = "logs are kept forever"
  }
}

run "a_name_that_no_bucket_can_have_is_refused" {
  command = plan

  variables {
    name = "Lake_1"
  }

  expect_failures = [var.name]
}

run "trust_in_nobody_is_refused" {
  command = plan

  variables {
    airflow_trust = {}
  }

  expect_failures = [var.airflow_trust]
}

run "a_role_name_instead_of_an_arn_is_refused" {
  command = plan

  variables {
    airflow_trust = { arns = ["airflow"] }
  }

  expect_failures = [var.airflow_trust]
}
