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

  # Nothing of it can start before the role may read and write.
  depends_on = [module.lake]
}

locals {
  airflow_token = module.databricks.airflow_token
}

# Who Terraform is comes from the environment, as DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET.
provider "databricks" {
  host = var.databricks_host
}

output "job_urls" {
  description = "Pages of the jobs, by name."
  value       = module.databricks.job_urls
}
