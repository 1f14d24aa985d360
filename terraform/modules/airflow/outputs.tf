output "environment" {
  description = "Environment variables that let an existing Airflow find the connections and settings."
  value = {
    AIRFLOW__SECRETS__BACKEND                     = local.backend
    AIRFLOW__SECRETS__BACKEND_KWARGS              = jsonencode(local.backend_arguments)
    AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME = "0.2"
  }
}

output "mwaa_environment" {
  description = "Name of the MWAA environment; null with an existing Airflow."
  value       = var.mwaa == null ? null : local.environment_name
}

output "webserver_url" {
  description = "URL of the Airflow UI; null with an existing Airflow."
  value       = one(aws_mwaa_environment.this[*].webserver_url)
}
