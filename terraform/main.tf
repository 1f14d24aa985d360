locals {
  name = "transaction-patterns-${var.environment}"
  dist = "${path.root}/../dist"

  wheels = fileset(local.dist, "*.whl")
  dist_files = concat(
    ["requirements.txt", "thresholds.json"],
    var.airflow.mwaa == null ? [] : ["airflow-requirements.txt", "plugins.zip"],
  )
  threshold_names = try(jsondecode(file("${local.dist}/thresholds.json")), null)

  tags = { Project = "transaction-patterns", Environment = var.environment }

  # With the environment, so that several can share a workspace.
  job_names = { for job in jsondecode(file("${path.root}/../jobs.json")) : job.name => "${local.name}-${job.name}" }
}

# Which environment this state belongs to: with the values of another one, every plan fails, so that nothing is replaced.
resource "terraform_data" "environment" {
  input = var.environment

  lifecycle {
    ignore_changes = [input]

    postcondition {
      condition     = self.output == var.environment
      error_message = "This is the state of the environment ${self.output}, but the values are those of ${var.environment}. Nothing was changed; check TF_DATA_DIR, -backend-config and -var-file."
    }
  }
}

# Preconditions, which a destroy does not check, because it needs no files.
resource "terraform_data" "dist" {
  lifecycle {
    precondition {
      condition     = length(local.wheels) == 1
      error_message = length(local.wheels) == 0 ? "dist/ contains no wheel: run `make dist` first." : "dist/ contains ${length(local.wheels)} wheels, ${join(" and ", local.wheels)}: run `make dist`, which leaves one."
    }

    precondition {
      condition     = alltrue([for name in local.dist_files : fileexists("${local.dist}/${name}")])
      error_message = "dist/ lacks ${join(", ", [for name in local.dist_files : name if !fileexists("${local.dist}/${name}")])}: run `make dist` first."
    }
  }
}

module "lake" {
  source = "./modules/lake"

  name                          = local.name
  protect_data                  = var.protect_data
  old_version_days              = var.old_version_days
  log_days                      = var.log_days
  databricks_cross_account_role = var.databricks_cross_account_role
  permissions_boundary_arn      = var.permissions_boundary_arn

  airflow_trust = {
    services = var.airflow.mwaa == null ? [] : ["airflow.amazonaws.com", "airflow-env.amazonaws.com"]
    arns     = var.airflow.existing_role_arns
  }
}

module "alerts" {
  source = "./modules/alerts"

  name             = local.name
  emails           = var.alert_emails
  publisher_role   = module.lake.airflow_role.name
  bucket           = module.lake.bucket
  heartbeat_key    = "${module.lake.lake_prefix}/state/detector.json"
  incoming_bucket  = module.lake.incoming_bucket
  mwaa_environment = module.airflow.mwaa_environment
}

module "airflow" {
  source = "./modules/airflow"

  name                 = local.name
  region               = var.region
  role                 = module.lake.airflow_role
  topic_arn            = module.alerts.topic_arn
  log_days             = var.log_days
  secret_recovery_days = var.protect_data ? 7 : 0
  chunker_mode         = var.chunker_mode

  databricks = {
    host          = var.databricks_host
    client_id     = local.airflow_client.id
    client_secret = local.airflow_client.secret
  }

  settings = {
    source     = module.lake.source
    lake       = module.lake.lake
    chunk_size = var.chunk_size

    chunker_job       = local.job_names.chunker
    detector_job      = local.job_names.detector
    maintenance_job   = local.job_names.maintain_state
    what_if_job       = local.job_names.what_if
    publish_rules_job = local.job_names.publish_rules
    # Unpausing a job edits it, which Airflow's identity may not.
    unpause_detector = false

    # A cluster takes minutes to start: with a shorter limit the supervisors would cancel every run during startup, and
    # the chunker's next run would start too late.
    start_seconds = 900
  }

  mwaa = var.airflow.mwaa
  files = {
    dags         = "${path.root}/../dags"
    plugins_zip  = "${local.dist}/plugins.zip"
    requirements = "${local.dist}/airflow-requirements.txt"
  }
}
