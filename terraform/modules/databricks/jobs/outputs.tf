output "definitions" {
  description = "The jobs by name: package and entry_point of the wheel, parameters of the job, named_parameters of its only task, concurrency, times in seconds."
  value       = local.definitions
}
