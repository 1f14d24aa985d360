output "definitions" {
  description = "The jobs by name: of the wheel `package` the `entry_point`, parameters of the job, named parameters of its only task, concurrency, times in seconds."
  value = {
    for name, job in local.definitions : name => merge(job, {
      package          = "transaction-patterns"
      entry_point      = name
      named_parameters = local.named_parameters
    })
  }
}
