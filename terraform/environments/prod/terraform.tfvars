environment                   = "prod"
account_id                    = "123456789012"
region                        = "eu-central-1"
protect_data                  = true
old_version_days              = 30
alert_emails                  = ["data-oncall@example.org"]
databricks_host               = "https://prod.cloud.databricks.com"
databricks_cross_account_role = "databricks-cross-account"
with_importance               = true

node_types = {
  chunker        = "m5d.large"
  detector       = "m5d.xlarge"
  maintain_state = "m5d.large"
}

airflow = {
  mwaa = {
    airflow_version   = "3.3.1"
    environment_class = "mw1.small"
  }
}
