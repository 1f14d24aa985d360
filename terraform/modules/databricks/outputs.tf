output "airflow_client" {
  description = "OAuth client of Airflow's service principal."
  value = {
    id     = databricks_service_principal.airflow.application_id
    secret = databricks_service_principal_secret.airflow.secret
  }
  sensitive = true
}

output "job_urls" {
  description = "URLs of the job pages, by job name."
  value       = { for name, job in databricks_job.this : name => job.url }
}

output "jobs_principal" {
  description = "Application id of the jobs' service principal."
  value       = databricks_service_principal.jobs.application_id
}
