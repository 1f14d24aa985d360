output "environment" {
  description = "Environment variables that let an existing Airflow find the connections and settings."
  value = merge(
    { for name, value in local.airflow_options : "AIRFLOW__${upper(replace(name, ".", "__"))}" => value },
    {
      AIRFLOW__SECRETS__BACKEND        = local.backend
      AIRFLOW__SECRETS__BACKEND_KWARGS = jsonencode(local.backend_arguments)
    }
  )
}

output "mwaa_environment" {
  description = "Name of the MWAA environment; null with an existing Airflow."
  value       = var.mwaa == null ? null : local.environment_name
}

output "webserver_url" {
  description = "URL of the Airflow UI; null with an existing Airflow."
  value       = one(aws_mwaa_environment.this[*].webserver_url)
}
