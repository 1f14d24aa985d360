module "jobs" {
  source = "./jobs"

  source_url     = var.source_url
  lake_url       = var.lake_url
  importance_url = var.importance_url
  landing_format = var.landing_format
  chunk_size     = var.chunk_size
  thresholds     = var.thresholds

  threshold_names = var.threshold_names

  state_backend = var.state_backend
  chunker_mode  = var.chunker_mode
}

locals {
  # A run every few seconds cannot wait for a job cluster. The others run on jobs compute, which costs a third.
  on_own_cluster = { for name in keys(module.jobs.definitions) : name => name != "chunker" || var.chunker_mode == "follow" }
}

resource "databricks_job" "this" {
  for_each = module.jobs.definitions

  name                = var.job_names[each.key]
  max_concurrent_runs = each.value.max_concurrent_runs
  timeout_seconds     = each.value.timeout_seconds
  tags                = var.tags

  # From the first run on; a job without it runs as its owner, an administrator.
  run_as {
    service_principal_name = databricks_service_principal.jobs.application_id
  }

  # A change to the detector's job ends its current run; as a continuous job it restarts with the new definition.
  control_run_state = each.value.continuous ? true : null

  dynamic "continuous" {
    for_each = each.value.continuous ? [1] : []

    content {
      pause_status = "UNPAUSED"
    }
  }

  dynamic "parameter" {
    for_each = each.value.parameters

    content {
      name    = parameter.key
      default = parameter.value
    }
  }

  dynamic "job_cluster" {
    for_each = local.on_own_cluster[each.key] ? [1] : []

    content {
      job_cluster_key = "own"

      new_cluster {
        policy_id          = databricks_cluster_policy.jobs.id
        spark_version      = var.spark_version
        node_type_id       = each.key == "detector" && var.detector_pool ? null : local.node_types[each.key]
        instance_pool_id   = each.key == "detector" ? local.pool_id : null
        num_workers        = local.workers[each.key]
        data_security_mode = "SINGLE_USER"
        spark_conf         = local.workers[each.key] > 0 ? null : local.single_node
        spark_env_vars     = local.environment
        custom_tags        = local.workers[each.key] > 0 ? var.tags : local.single_node_tags

        cluster_log_conf {
          s3 {
            destination = var.logs_url
            region      = var.region
          }
        }

        aws_attributes {
          instance_profile_arn = databricks_instance_profile.jobs.id
          # Detector and chunker run for months; maintenance can be repeated. A pool has its own.
          availability = each.key == "maintain_state" ? "SPOT_WITH_FALLBACK" : each.key == "detector" && var.detector_pool ? null : "ON_DEMAND"
          zone_id      = each.key == "detector" && var.detector_pool ? null : "auto"
        }
      }
    }
  }

  task {
    task_key            = each.key
    existing_cluster_id = local.on_own_cluster[each.key] ? null : one(databricks_cluster.chunker[*].id)
    job_cluster_key     = local.on_own_cluster[each.key] ? "own" : null

    python_wheel_task {
      package_name     = each.value.package
      entry_point      = each.value.entry_point
      named_parameters = each.value.named_parameters
    }

    # The cluster that is always on has it already.
    dynamic "library" {
      for_each = local.on_own_cluster[each.key] ? [local.library] : []

      content {
        requirements = library.value
      }
    }
  }

  # No rule for the detector's backlog: Databricks does not measure it for Python data sources. The DAG watch_freshness
  # and the alarm on the heartbeat derive it from the data.
  dynamic "health" {
    for_each = each.value.warning_seconds == null ? [] : [each.value.warning_seconds]

    content {
      rules {
        metric = "RUN_DURATION_SECONDS"
        op     = "GREATER_THAN"
        value  = health.value
      }
    }
  }

  # A broken chunker that runs every few seconds fails as often: Airflow sends one alert for it.
  dynamic "email_notifications" {
    for_each = length(var.alert_emails) > 0 ? [var.alert_emails] : []

    content {
      on_failure                             = local.on_own_cluster[each.key] ? email_notifications.value : null
      on_duration_warning_threshold_exceeded = each.value.warning_seconds == null ? null : email_notifications.value
    }
  }

  depends_on = [
    databricks_permissions.artifacts,
    databricks_permissions.chunker_cluster,
    databricks_permissions.policy,
    databricks_permissions.pool,
    databricks_secret.environment,
    databricks_secret_acl.jobs,
    databricks_service_principal_role.jobs,
  ]
}

resource "databricks_permissions" "job" {
  for_each = databricks_job.this
  job_id   = each.value.id

  # Airflow starts and cancels runs. It must not be able to edit a job, and with it the code that runs with the jobs'
  # role; nor must the jobs themselves. Terraform's identity stays the owner.
  access_control {
    service_principal_name = databricks_service_principal.airflow.application_id
    permission_level       = "CAN_MANAGE_RUN"
  }
}
