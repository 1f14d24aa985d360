# What the three jobs are, without any provider; where they run is said by the module above. local/jobs.py has the same,
# which a test compares.
locals {
  named_parameters = { "landing-format" = var.landing_format }

  definitions = {
    # Two runs may overlap: neither lands anything twice, and one that hangs stops nobody.
    chunker = {
      parameters = {
        source       = var.source_url
        lake         = var.lake_url
        "chunk-size" = tostring(var.chunk_size)
        "max-chunks" = "1"
      }
      max_concurrent_runs = 2
      # Less than what Airflow's task waits for. That one also tries again: the job has no retries of its own.
      timeout_seconds = 540
      warning_seconds = 120
      continuous      = false
    }

    # Continuous: Databricks is the one that starts it again when it ends.
    detector = {
      parameters = merge(
        {
          lake      = var.lake_url
          threshold = join(",", [for name, value in var.thresholds : "${name}=${value}"])
          placement = var.placement
        },
        var.importance_url == null ? {} : { importance = var.importance_url },
      )
      max_concurrent_runs = 1
      timeout_seconds     = null
      warning_seconds     = null
      continuous          = true
    }

    maintain_state = {
      parameters          = { lake = var.lake_url, "keep-days" = "7" }
      max_concurrent_runs = 1
      timeout_seconds     = 3600
      warning_seconds     = null
      continuous          = false
    }
  }
}
