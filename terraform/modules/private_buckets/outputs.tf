output "ids" {
  description = "Names of the buckets, by key."
  value       = { for key, bucket in aws_s3_bucket.this : key => bucket.id }
}

output "arns" {
  description = "ARNs of the buckets, by key; known in the plan."
  value       = local.arns
}
