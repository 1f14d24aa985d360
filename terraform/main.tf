locals {
  name = "transaction-patterns-${var.environment}"
  dist = "${path.root}/../dist"

  tags = { Project = "transaction-patterns", Environment = var.environment }

  # With the environment, so that several can share a workspace.
  job_names = { for job in jsondecode(file("${path.root}/../jobs.json")) : job.name => "${local.name}-${job.name}" }
}

module "lake" {
  source = "./modules/lake"

  name                          = local.name
  protect_data                  = var.protect_data
  old_version_days              = var.old_version_days
  log_days                      = var.log_days
  databricks_cross_account_role = var.databricks_cross_account_role

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

  databricks = {
    host          = var.databricks_host
    client_id     = local.airflow_client.id
    client_secret = local.airflow_client.secret
  }

  settings = {
    source     = module.lake.source
    lake       = module.lake.lake
    chunk_size = var.chunk_size

    chunker_job     = local.job_names.chunker
    detector_job    = local.job_names.detector
    maintenance_job = local.job_names.maintain_state
    # Unpausing a job edits it, which Airflow's identity may not.
    unpause_detector = false

    # A cluster takes minutes to start: with a shorter limit the supervisor would cancel every run during startup.
    start_seconds = 900
  }

  mwaa = var.airflow.mwaa
  files = {
    dags         = "${path.root}/../dags"
    plugins_zip  = "${local.dist}/plugins.zip"
    requirements = "${local.dist}/airflow-requirements.txt"
  }
}
