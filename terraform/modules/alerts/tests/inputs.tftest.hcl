# Run by tests/integration/terraform/test_modules.py, or with `terraform test` in this module.
mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  name             = "transaction-patterns-dev"
  emails           = ["ops@example.org"]
  publisher_role   = "airflow"
  bucket           = "lake"
  heartbeat_key    = "lake/state/detector.json"
  incoming_bucket  = "incoming"
  mwaa_environment = null
}

run "an_existing_airflow_is_watched_too" {
  command = plan

  assert {
    condition     = aws_cloudwatch_metric_alarm.airflow_silent.treat_missing_data == "breaching" && length(aws_cloudwatch_metric_alarm.scheduler_dead) == 0
    error_message = "no alarm for an existing Airflow"
  }
}

run "an_address_without_a_domain_is_refused" {
  command = plan

  variables {
    emails = ["ops@example.org", "ops@example"]
  }

  expect_failures = [var.emails]
}
