output "source" {
  description = "URL of the master file."
  value       = "s3://${module.buckets.ids["incoming"]}/${local.source_key}"
}

output "importance" {
  description = "URL of CustomerImportance.csv."
  value       = "s3://${module.buckets.ids["incoming"]}/${local.importance_key}"
}

output "lake" {
  description = "URL of the lake."
  value       = "s3://${module.buckets.ids["lake"]}/${local.lake_prefix}"
}

output "logs" {
  description = "URL of the logs of the jobs' clusters."
  value       = "s3://${module.buckets.ids["logs"]}/${local.logs_prefix}"
}

output "bucket" {
  description = "Name of the lake's bucket."
  value       = module.buckets.ids["lake"]
}

output "incoming_bucket" {
  description = "Name of the master file's bucket."
  value       = module.buckets.ids["incoming"]
}

output "lake_prefix" {
  description = "Prefix of all objects in the lake's bucket."
  value       = local.lake_prefix
}

output "key_arn" {
  description = "ARN of the key that encrypts all data."
  value       = aws_kms_key.lake.arn
}

output "jobs_role_arn" {
  description = "ARN of the jobs' role."
  value       = aws_iam_role.jobs.arn
}

output "instance_profile_arn" {
  description = "ARN of the instance profile with the jobs' role."
  value       = aws_iam_instance_profile.jobs.arn
}

output "airflow_role" {
  description = "Airflow's role."
  value       = { arn = aws_iam_role.airflow.arn, name = aws_iam_role.airflow.name }
}
