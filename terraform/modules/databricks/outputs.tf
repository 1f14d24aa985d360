output "airflow_token" {
  description = "Token of Airflow's service principal."
  value       = databricks_obo_token.airflow.token_value
  sensitive   = true
}

output "job_urls" {
  description = "URLs of the job pages, by job name."
  value       = { for name, job in databricks_job.this : name => job.url }
}
