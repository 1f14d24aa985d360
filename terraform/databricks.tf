module "databricks" {
  source = "./modules/databricks"

  name                 = local.name
  region               = var.region
  instance_profile_arn = module.lake.instance_profile_arn
  wheel                = one([for wheel in fileset(local.dist, "*.whl") : "${local.dist}/${wheel}"])
  requirements         = "${local.dist}/requirements.txt"
  node_types           = var.node_types
  alert_emails         = var.alert_emails
  secret_environment   = var.secret_environment
  source_url           = module.lake.source
  lake_url             = module.lake.lake
  importance_url       = var.with_importance ? module.lake.importance : null
  landing_format       = var.landing_format
  chunk_size           = var.chunk_size
  thresholds           = var.thresholds
  placement            = var.placement
  detector_workers     = var.detector_workers

  # Jobs must not start before their role has its policies.
  depends_on = [module.lake]
}

locals {
  airflow_token = module.databricks.airflow_token
}

# Credentials come from the environment: DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET.
provider "databricks" {
  host = var.databricks_host
}

output "job_urls" {
  description = "URLs of the job pages, by job name."
  value       = module.databricks.job_urls
}
