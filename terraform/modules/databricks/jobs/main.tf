# Reads the jobs from jobs.json, as local/jobs.py does, and needs no provider; the parent module says where they run.
locals {
  jobs = [
    for job in jsondecode(file("${path.module}/../../../../jobs.json")) : merge(job, try(job.modes[var.chunker_mode], {}))
  ]

  # Parameters whose value depends on the environment have an empty default in jobs.json; null omits one.
  values = {
    source           = var.source_url
    lake             = var.lake_url
    importance       = var.importance_url
    "chunk-size"     = tostring(var.chunk_size)
    "landing-format" = var.landing_format
    threshold        = join(",", [for name, value in var.thresholds : "${name}=${value}"])
    "state-backend"  = var.state_backend
  }

  definitions = {
    for job in local.jobs : job.name => {
      package     = job.tasks[0].python_wheel_task.package_name
      entry_point = job.tasks[0].python_wheel_task.entry_point
      named_parameters = {
        for name, default in job.tasks[0].python_wheel_task.named_parameters : name => lookup(local.values, name, default)
      }
      parameters = {
        for parameter in job.parameters : parameter.name => lookup(local.values, parameter.name, parameter.default)
        if lookup(local.values, parameter.name, parameter.default) != null
      }
      max_concurrent_runs = job.max_concurrent_runs
      timeout_seconds     = try(job.timeout_seconds, null)
      warning_seconds     = try(job.health.rules[0].value, null)
      continuous          = can(job.continuous)
    }
  }
}
