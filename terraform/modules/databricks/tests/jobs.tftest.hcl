# Run by tests/integration/terraform/test_modules.py, or with `terraform test` in this module.
mock_provider "databricks" {
  mock_resource "databricks_service_principal" {
    defaults = { application_id = "00000000-0000-0000-0000-000000000000" }
  }

  mock_resource "databricks_directory" {
    defaults = { path = "/transaction-patterns-dev" }
  }

  mock_resource "databricks_instance_pool" {
    defaults = { id = "pool" }
  }
}

variables {
  name                 = "transaction-patterns-dev"
  tags                 = { Project = "transaction-patterns", Environment = "dev" }
  job_names            = { for name in ["chunker", "detector", "maintain_state", "what_if", "publish_rules"] : name => "dev-${name}" }
  region               = "eu-central-1"
  instance_profile_arn = "arn:aws:iam::123456789012:instance-profile/jobs"
  wheel                = "versions.tf"
  requirements         = "outputs.tf"
  spark_version        = "17.3.x-scala2.13"
  node_types           = { chunker = "m5d.large", detector = "m5d.xlarge", maintain_state = "m5d.large" }
  alert_emails         = ["ops@example.org"]
  secret_environment   = {}
  airflow_secret_days  = 180
  source_url           = "s3://incoming/transactions.csv"
  lake_url             = "s3://lake/lake"
  importance_url       = null
  landing_format       = "csv"
  chunk_size           = 10000
  thresholds           = {}
  threshold_names      = ["child_transactions"]
  state_backend        = "driver"
  chunker_mode         = "run"
  detector_workers     = 0
  detector_pool        = false
  logs_url             = "s3://logs/clusters"
}

run "jobs_run_as_their_own_identity" {
  assert {
    condition     = alltrue([for job in databricks_job.this : job.run_as[0].service_principal_name == databricks_service_principal.jobs.application_id])
    error_message = "a job runs as its owner"
  }

  assert {
    condition     = databricks_job.this["detector"].name == "dev-detector"
    error_message = "the name of the job lacks the environment"
  }
}

run "everything_has_the_same_tags" {
  variables {
    detector_pool = true
  }

  assert {
    condition = alltrue([
      for tags in concat(
        [for job in databricks_job.this : job.tags],
        [for job in databricks_job.this : job.job_cluster[0].new_cluster[0].custom_tags if length(job.job_cluster) > 0],
        [databricks_cluster.chunker[0].custom_tags, databricks_instance_pool.detector[0].custom_tags],
      ) : alltrue([for name, value in var.tags : tags[name] == value])
    ])
    error_message = "a tag is missing"
  }

  assert {
    condition     = alltrue([for name, value in var.tags : jsondecode(databricks_cluster_policy.jobs.definition)["custom_tags.${name}"].value == value])
    error_message = "the policy does not fix a tag"
  }
}

run "every_package_is_installed_with_its_hash" {
  assert {
    condition     = endswith(base64decode(databricks_workspace_file.requirements.content_base64), " --hash=sha256:${filesha256("versions.tf")}\n")
    error_message = "the wheel has no hash"
  }

  assert {
    condition = alltrue([
      for library in concat(
        flatten([for job in databricks_job.this : tolist(job.task[0].library)]),
        tolist(databricks_cluster.chunker[0].library),
      ) : library.requirements == local.library && library.whl == null
    ])
    error_message = "a library is installed without hashes"
  }
}

run "every_cluster_delivers_its_logs" {
  assert {
    condition = alltrue([
      for conf in concat(
        [for job in databricks_job.this : job.job_cluster[0].new_cluster[0].cluster_log_conf if length(job.job_cluster) > 0],
        [databricks_cluster.chunker[0].cluster_log_conf],
      ) : conf[0].s3[0].destination == "s3://logs/clusters"
    ])
    error_message = "a cluster keeps its logs to itself"
  }
}

run "a_pool_replaces_the_detectors_node_type" {
  variables {
    detector_pool = true
  }

  assert {
    condition     = databricks_job.this["detector"].job_cluster[0].new_cluster[0].instance_pool_id == "pool"
    error_message = "the detector does not use the pool"
  }

  assert {
    condition     = databricks_job.this["maintain_state"].job_cluster[0].new_cluster[0].node_type_id == "m5d.large"
    error_message = "the pool is the detector's alone"
  }
}

run "a_what_if_has_the_memory_of_the_detector" {
  assert {
    condition     = databricks_job.this["what_if"].job_cluster[0].new_cluster[0].node_type_id == "m5d.xlarge"
    error_message = "the state may not fit into memory"
  }
}

run "a_what_if_may_have_a_node_type_of_its_own" {
  variables {
    node_types = { chunker = "m5d.large", detector = "m5d.large", maintain_state = "m5d.large", what_if = "r5d.large" }
  }

  assert {
    condition     = databricks_job.this["what_if"].job_cluster[0].new_cluster[0].node_type_id == "r5d.large"
    error_message = "the node type is not used"
  }
}

run "a_chunker_that_runs_every_5_seconds_has_a_cluster_that_is_always_on" {
  assert {
    condition     = databricks_job.this["chunker"].task[0].existing_cluster_id == databricks_cluster.chunker[0].id && length(databricks_job.this["chunker"].job_cluster) == 0
    error_message = "each run would wait minutes for a cluster"
  }

  assert {
    condition     = { for one in databricks_job.this["chunker"].parameter : one.name => one.default }["follow-seconds"] == "0"
    error_message = "a run would not end"
  }

  assert {
    condition     = databricks_job.this["chunker"].email_notifications[0].on_failure == null
    error_message = "a broken chunker would send a mail every few seconds"
  }
}

run "a_chunker_that_follows_runs_on_jobs_compute_alone" {
  variables {
    chunker_mode = "follow"
  }

  assert {
    condition     = length(databricks_cluster.chunker) == 0 && length(databricks_permissions.chunker_cluster) == 0
    error_message = "the cluster that is always on is not needed"
  }

  assert {
    condition     = databricks_job.this["chunker"].task[0].existing_cluster_id == null && databricks_job.this["chunker"].task[0].job_cluster_key == "own"
    error_message = "the chunker does not run on its job cluster"
  }

  assert {
    condition = alltrue([
      for cluster in [databricks_job.this["chunker"].job_cluster[0].new_cluster[0]] :
      cluster.node_type_id == "m5d.large" && cluster.num_workers == 0 && cluster.policy_id == databricks_cluster_policy.jobs.id
      && cluster.aws_attributes[0].availability == "ON_DEMAND" && cluster.cluster_log_conf[0].s3[0].destination == "s3://logs/clusters"
      && alltrue([for name, value in var.tags : cluster.custom_tags[name] == value])
    ])
    error_message = "its cluster is not like those of the other jobs"
  }

  assert {
    condition     = one(databricks_job.this["chunker"].task[0].library).requirements == local.library
    error_message = "its cluster has no wheel"
  }

  assert {
    condition = alltrue([
      for job in [databricks_job.this["chunker"]] :
      job.max_concurrent_runs == 2
      && job.timeout_seconds > tonumber({ for one in job.parameter : one.name => one.default }["follow-seconds"])
    ])
    error_message = "runs cannot overlap, or are ended before their time is up"
  }

  assert {
    condition     = databricks_job.this["chunker"].email_notifications[0].on_failure == tolist(var.alert_emails)
    error_message = "a failed run sends no mail"
  }
}

run "maintenance_has_workers_where_spark_writes_the_state" {
  variables {
    state_backend    = "spark"
    detector_workers = 4
  }

  assert {
    condition     = alltrue([for name in ["detector", "maintain_state"] : databricks_job.this[name].job_cluster[0].new_cluster[0].num_workers == 4])
    error_message = "a job that writes with Spark has no workers"
  }

  assert {
    condition     = one([for one in databricks_job.this["detector"].parameter : one.default if one.name == "state-backend"]) == "spark"
    error_message = "the detector does not get its state backend"
  }
}

run "newer_runtimes_are_accepted" {
  command = plan

  variables {
    spark_version = "18.x-scala2.13"
  }
}

run "the_newest_runtime_is_accepted" {
  command = plan

  variables {
    spark_version = "19.x-scala2.13"
  }
}

run "an_old_runtime_is_refused" {
  command = plan

  variables {
    spark_version = "16.4.x-scala2.13"
  }

  expect_failures = [var.spark_version]
}
