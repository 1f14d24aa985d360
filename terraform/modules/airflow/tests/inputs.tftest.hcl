# Run by tests/integration/terraform/test_modules.py, or with `terraform test` in this module.
mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-central-1a", "eu-central-1b"] }
  }
}

variables {
  name                 = "transaction-patterns-dev"
  region               = "eu-central-1"
  role                 = { arn = "arn:aws:iam::123456789012:role/airflow", name = "airflow" }
  databricks           = { host = "https://dbc.cloud.databricks.com", client_id = "id", client_secret = "secret" }
  topic_arn            = "arn:aws:sns:eu-central-1:123456789012:alerts"
  settings             = {}
  log_days             = 30
  secret_recovery_days = 7
  chunker_mode         = "run"
  mwaa                 = {}
  files                = { dags = ".", plugins_zip = "none.zip", requirements = "none.txt" }
}

run "the_ui_is_private_unless_chosen_otherwise" {
  command = plan

  assert {
    condition     = aws_mwaa_environment.this[0].webserver_access_mode == "PRIVATE_ONLY" && length(aws_vpc_security_group_ingress_rule.webserver) == 0
    error_message = "the UI is reachable from outside"
  }
}

run "airflow_has_the_settings_that_the_dags_need" {
  command = plan

  assert {
    condition     = aws_mwaa_environment.this[0].airflow_configuration_options["scheduler.task_instance_heartbeat_timeout"] == "30"
    error_message = "MWAA lacks a setting of airflow_needs.json"
  }

  assert {
    condition     = aws_mwaa_environment.this[0].airflow_configuration_options["transaction_patterns.chunker_mode"] == "run"
    error_message = "MWAA does not know how the chunker runs"
  }

  assert {
    condition     = output.environment["AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME"] == "0.2"
    error_message = "an existing Airflow is not told of a setting of airflow_needs.json"
  }
}

run "the_ui_can_be_public" {
  command = plan

  variables {
    mwaa = { public_webserver = true }
  }

  assert {
    condition     = aws_mwaa_environment.this[0].webserver_access_mode == "PUBLIC_ONLY"
    error_message = "the UI is private"
  }
}

run "networks_can_reach_the_private_ui" {
  command = plan

  variables {
    mwaa = { source_cidrs = ["10.1.0.0/16"], maintenance_window = "SUN:03:30", startup_script = "main.tf" }
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.webserver["10.1.0.0/16"].from_port == 443
    error_message = "no rule for the network"
  }

  assert {
    condition     = aws_mwaa_environment.this[0].startup_script_s3_path == "startup.sh" && aws_mwaa_environment.this[0].weekly_maintenance_window_start == "SUN:03:30"
    error_message = "start-up script or maintenance window are not used"
  }
}

run "source_cidrs_of_a_public_ui_are_refused" {
  command = plan

  variables {
    mwaa = { public_webserver = true, source_cidrs = ["10.1.0.0/16"] }
  }

  expect_failures = [var.mwaa]
}

run "more_workers_at_least_than_at_most_are_refused" {
  command = plan

  variables {
    mwaa = { min_workers = 3, max_workers = 2 }
  }

  expect_failures = [var.mwaa]
}

run "a_recovery_of_a_day_is_refused" {
  command = plan

  variables {
    secret_recovery_days = 1
  }

  expect_failures = [var.secret_recovery_days]
}

run "an_existing_airflow_needs_no_network" {
  command = plan

  variables {
    mwaa = null
  }

  assert {
    condition     = length(aws_vpc.airflow) + length(aws_mwaa_environment.this) + length(module.buckets.ids) == 0
    error_message = "something of MWAA is created"
  }
}
