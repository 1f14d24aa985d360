environment                   = "dev"
account_id                    = "123456789012"
region                        = "eu-central-1"
protect_data                  = false
old_version_days              = 1
alert_emails                  = ["data-dev@example.org"]
databricks_host               = "https://dev.cloud.databricks.com"
databricks_cross_account_role = "databricks-cross-account"
with_importance               = true

node_types = {
  chunker        = "m5d.large"
  detector       = "m5d.large"
  maintain_state = "m5d.large"
}

airflow = {
  existing_role_arns = ["arn:aws:iam::123456789012:role/airflow-dev"]
}
