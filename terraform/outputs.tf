output "source" {
  description = "Where the master file goes."
  value       = module.lake.source
}

output "importance" {
  description = "Where CustomerImportance.csv goes."
  value       = module.lake.importance
}

output "lake" {
  description = "URL of the lake."
  value       = module.lake.lake
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
  description = "ARN of the topic of all alerts."
  value       = module.alerts.topic_arn
}

output "airflow_environment" {
  description = "Variables for an Airflow that exists already: with them it finds connections and settings. MWAA has them."
  value       = module.airflow.environment
}

output "airflow_url" {
  description = "Address of Airflow's pages in MWAA."
  value       = module.airflow.webserver_url
}
