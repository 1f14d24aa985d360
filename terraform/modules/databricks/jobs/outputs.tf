output "definitions" {
  description = "Jobs by name: package and entry_point of the wheel, parameters of the job, named_parameters of its only task, concurrency, and limits in seconds."
  value       = local.definitions
}
