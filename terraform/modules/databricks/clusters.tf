locals {
  # A what-if holds the whole state, as the detector does in its driver.
  node_types = merge(
    { what_if = var.node_types.detector, publish_rules = var.node_types.maintain_state },
    { for job, type in var.node_types : job => type if type != null },
  )

  # Each job runs in one process on one machine, unless the detector has workers.
  single_node = {
    "spark.databricks.cluster.profile" = "singleNode"
    "spark.master"                     = "local[*]"
  }
  # Databricks requires this tag on a cluster without workers.
  single_node_tags = merge(var.tags, { ResourceClass = "SingleNode" })
  pool_id          = one(databricks_instance_pool.detector[*].id)
  # Of the jobs with a cluster of their own.
  workers = {
    detector       = var.detector_workers
    maintain_state = var.state_backend == "spark" ? var.detector_workers : 0
  }

  # The jobs access S3 with the role of the instance profile, which does not provide the region.
  environment = merge(
    { AWS_REGION = var.region, AWS_DEFAULT_REGION = var.region },
    {
      for name in nonsensitive(keys(var.secret_environment)) :
      name => "{{secrets/${databricks_secret_scope.jobs.name}/${name}}}"
    },
  )
}

# Restricts the jobs' clusters to their role, their identity and their instance types.
resource "databricks_cluster_policy" "jobs" {
  name = "${var.name}-jobs"

  definition = jsonencode(merge({ for name, value in var.tags : "custom_tags.${name}" => { type = "fixed", value = value } }, {
    "aws_attributes.instance_profile_arn" = { type = "fixed", value = databricks_instance_profile.jobs.id }
    "data_security_mode"                  = { type = "fixed", value = "SINGLE_USER" }
    "spark_version"                       = { type = "fixed", value = var.spark_version }
    "num_workers"                         = { type = "range", maxValue = var.detector_workers }
    # Optional, because the clusters of a pool have its type.
    "node_type_id" = { type = "allowlist", values = distinct(values(local.node_types)), isOptional = true }
  }))
}

resource "databricks_permissions" "policy" {
  cluster_policy_id = databricks_cluster_policy.jobs.id

  access_control {
    service_principal_name = databricks_service_principal.jobs.application_id
    permission_level       = "CAN_USE"
  }
}

# A chunker that runs every 5 seconds cannot wait minutes for a job cluster.
resource "databricks_cluster" "chunker" {
  count = var.chunker_mode == "run" ? 1 : 0

  cluster_name            = "${var.name}-chunker"
  policy_id               = databricks_cluster_policy.jobs.id
  spark_version           = var.spark_version
  node_type_id            = var.node_types.chunker
  num_workers             = 0
  autotermination_minutes = 0
  is_pinned               = true
  data_security_mode      = "SINGLE_USER"
  single_user_name        = databricks_service_principal.jobs.application_id
  spark_conf              = local.single_node
  spark_env_vars          = local.environment
  custom_tags             = local.single_node_tags

  cluster_log_conf {
    s3 {
      destination = var.logs_url
      region      = var.region
    }
  }

  aws_attributes {
    instance_profile_arn = databricks_instance_profile.jobs.id
    availability         = "ON_DEMAND"
    zone_id              = "auto"
  }

  library {
    requirements = local.library
  }

  # Python keeps the old wheel loaded, so a new wheel needs a new cluster. The job moves to it once it runs, and only
  # then is the old one deleted.
  lifecycle {
    create_before_destroy = true
    replace_triggered_by  = [databricks_workspace_file.wheel, databricks_workspace_file.requirements]
  }

  depends_on = [
    databricks_permissions.artifacts,
    databricks_permissions.policy,
    databricks_secret.environment,
    databricks_secret_acl.jobs,
    databricks_service_principal_role.jobs,
  ]
}

# An instance that a stopped detector leaves is ready for the next one: a restart takes one minute instead of five.
resource "databricks_instance_pool" "detector" {
  count = var.detector_pool ? 1 : 0

  instance_pool_name                    = "${var.name}-detector"
  node_type_id                          = var.node_types.detector
  min_idle_instances                    = 0
  idle_instance_autotermination_minutes = 15
  preloaded_spark_versions              = [var.spark_version]
  custom_tags                           = var.tags

  aws_attributes {
    availability = "ON_DEMAND"
    zone_id      = "auto"
  }
}

resource "databricks_permissions" "pool" {
  count            = length(databricks_instance_pool.detector)
  instance_pool_id = databricks_instance_pool.detector[count.index].id

  access_control {
    service_principal_name = databricks_service_principal.jobs.application_id
    permission_level       = "CAN_ATTACH_TO"
  }
}

# The job depends on it: the permission for the old cluster is withdrawn after the job has moved to the new one.
resource "databricks_permissions" "chunker_cluster" {
  count      = length(databricks_cluster.chunker)
  cluster_id = databricks_cluster.chunker[count.index].id

  access_control {
    service_principal_name = databricks_service_principal.jobs.application_id
    permission_level       = "CAN_RESTART"
  }

  lifecycle {
    create_before_destroy = true
  }
}
