output "source" {
  description = "URL to upload the master file to."
  value       = module.lake.source
}

output "importance" {
  description = "URL to upload CustomerImportance.csv to."
  value       = module.lake.importance
}

output "lake" {
  description = "URL of the lake."
  value       = module.lake.lake
}

output "logs" {
  description = "URL of the logs of the jobs' clusters."
  value       = module.lake.logs
}

output "jobs_role_arn" {
  description = "ARN of the jobs' role."
  value       = module.lake.jobs_role_arn
}

output "airflow_role_arn" {
  description = "ARN of Airflow's role."
  value       = module.lake.airflow_role.arn
}

output "alert_topic_arn" {
  description = "ARN of the topic for all alerts."
  value       = module.alerts.topic_arn
}

output "airflow_environment" {
  description = "Environment variables that let an existing Airflow find the connections and settings; MWAA has them already."
  value       = module.airflow.environment
}

output "airflow_url" {
  description = "URL of the Airflow UI in MWAA; null with an existing Airflow."
  value       = module.airflow.webserver_url
}
