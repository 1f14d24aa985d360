module "databricks" {
  source = "./modules/databricks"

  name                 = local.name
  job_names            = local.job_names
  tags                 = local.tags
  region               = var.region
  instance_profile_arn = module.lake.instance_profile_arn
  wheel                = "${local.dist}/${join(" or ", local.wheels)}"
  requirements         = "${local.dist}/requirements.txt"
  spark_version        = var.spark_version
  node_types           = var.node_types
  alert_emails         = var.alert_emails
  airflow_secret_days  = var.airflow_secret_days
  secret_environment   = var.secret_environment
  source_url           = module.lake.source
  lake_url             = module.lake.lake
  importance_url       = var.with_importance ? module.lake.importance : null
  logs_url             = module.lake.logs
  landing_format       = var.landing_format
  chunk_size           = var.chunk_size
  thresholds           = var.thresholds
  threshold_names      = local.threshold_names
  state_backend        = var.state_backend
  chunker_mode         = var.chunker_mode
  detector_workers     = var.detector_workers
  detector_pool        = var.detector_pool

  # Jobs must not start before their role has its policies.
  depends_on = [module.lake]
}

module "unity_catalog" {
  source = "./modules/unity_catalog"
  count  = var.unity_catalog == null ? 0 : 1

  name                     = local.name
  catalog                  = var.unity_catalog.catalog
  warehouse_id             = var.unity_catalog.warehouse_id
  readers                  = var.unity_catalog.readers
  writer                   = var.state_backend == "spark" ? module.databricks.jobs_principal : null
  lake_url                 = module.lake.lake
  bucket                   = module.lake.bucket
  lake_prefix              = module.lake.lake_prefix
  key_arn                  = module.lake.key_arn
  permissions_boundary_arn = var.permissions_boundary_arn
}

locals {
  airflow_client = module.databricks.airflow_client
}

# Credentials come from the environment: DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET.
provider "databricks" {
  host = var.databricks_host
}

output "job_urls" {
  description = "URLs of the job pages, by job name."
  value       = module.databricks.job_urls
}
