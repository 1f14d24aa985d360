output "environment" {
  description = "Variables for an Airflow that exists already: with them it finds the connections and the settings."
  value = {
    AIRFLOW__SECRETS__BACKEND                     = local.backend
    AIRFLOW__SECRETS__BACKEND_KWARGS              = jsonencode(local.backend_arguments)
    AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME = "0.2"
  }
}

output "mwaa_environment" {
  description = "Name of the MWAA environment, null where Airflow exists already."
  value       = var.mwaa == null ? null : local.environment_name
}

output "webserver_url" {
  description = "Address of Airflow's pages, null where Airflow exists already."
  value       = one(aws_mwaa_environment.this[*].webserver_url)
}
