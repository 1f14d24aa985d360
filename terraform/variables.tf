variable "environment" {
  description = "Name of the environment; part of every name."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,7}$", var.environment))
    error_message = "environment must be 2 to 8 lower-case letters or digits and start with a letter, such as dev or prod, not ${var.environment}."
  }
}

variable "account_id" {
  description = "The AWS account; with credentials for another one, nothing is planned."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must have 12 digits, not be ${var.account_id}."
  }
}

variable "permissions_boundary_arn" {
  description = "ARN of the policy that limits the roles, where the account demands one."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null ? true : can(regex("^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of an IAM policy, not ${coalesce(var.permissions_boundary_arn, "null")}."
  }
}

variable "region" {
  description = "AWS region of all resources; must be that of the Databricks workspace."
  type        = string
}

variable "protect_data" {
  description = "Prevent Terraform from destroying the buckets; see docs/how-to/remove.md."
  type        = bool
}

variable "old_version_days" {
  description = "Days for which an overwritten or deleted object of the lake can be restored."
  type        = number
}

variable "log_days" {
  description = "Days for which the logs of the clusters and of MWAA are kept."
  type        = number
  default     = 30
}

variable "alert_emails" {
  description = "Email addresses that receive all alerts."
  type        = list(string)
}

variable "databricks_host" {
  description = "URL of the Databricks workspace."
  type        = string

  validation {
    condition     = can(regex("^https?://[^/]+$", var.databricks_host))
    error_message = "databricks_host must be a URL without a path, such as https://dbc-a1b2345c-d6e7.cloud.databricks.com, not ${var.databricks_host}."
  }
}

variable "databricks_cross_account_role" {
  description = "Name of the IAM role with which the workspace starts clusters."
  type        = string
}

variable "spark_version" {
  description = "Key of the Databricks Runtime: 17.3.x-scala2.13, 18.x-scala2.13 or 19.x-scala2.13."
  type        = string
  default     = "17.3.x-scala2.13"
}

variable "node_types" {
  description = "Instance types of the jobs' clusters; that of what_if is by default the detector's."
  type        = object({ chunker = string, detector = string, maintain_state = string, what_if = optional(string) })

  validation {
    condition     = alltrue([for type in compact(values(var.node_types)) : can(regex("^[a-z][a-z0-9-]*[0-9][a-z0-9-]*\\.([0-9]*x?large|medium|metal[a-z0-9-]*)$", type))])
    error_message = "node_types must be EC2 instance types, such as m5d.large, not ${join(", ", [for type in compact(values(var.node_types)) : type if !can(regex("^[a-z][a-z0-9-]*[0-9][a-z0-9-]*\\.([0-9]*x?large|medium|metal[a-z0-9-]*)$", type))])}."
  }
}

variable "secret_environment" {
  description = "Secret environment variables of the jobs' clusters; set them with TF_VAR_secret_environment."
  type        = map(string)
  default     = {}
  sensitive   = true
}

variable "with_importance" {
  description = "Read the weights from CustomerImportance.csv, which must be uploaded; otherwise from the transactions."
  type        = bool
}

variable "landing_format" {
  description = "Format of the chunks in the landing zone: csv or delta."
  type        = string
  default     = "csv"
}

variable "chunk_size" {
  description = "Lines per chunk."
  type        = number
  default     = 10000
}

variable "airflow" {
  description = "Either an MWAA environment to create, or the ARNs of the roles under which an existing Airflow runs."
  type = object({
    mwaa = optional(object({
      # A version that MWAA offers; the DAGs need 3.3 or later.
      airflow_version   = optional(string, "3.3.1")
      environment_class = optional(string, "mw1.small")
      min_workers       = optional(number, 1)
      max_workers       = optional(number, 2)
      # 2 to 5; by default MWAA's own, 2.
      schedulers     = optional(number)
      min_webservers = optional(number)
      max_webservers = optional(number)
      # Of its network, between /16 and /24.
      cidr = optional(string, "10.42.0.0/24")
      # Whether the UI is on the internet, protected by IAM, or only in the network.
      public_webserver = optional(bool, false)
      # Networks that reach the UI in the network, by a route of yours (VPN, peering).
      source_cidrs = optional(list(string), [])
      # Day and time in UTC, such as SUN:03:30.
      maintenance_window = optional(string)
      # Path of a shell script that MWAA runs before Airflow starts.
      startup_script = optional(string)
    }))
    existing_role_arns = optional(list(string), [])
  })

  validation {
    condition     = (var.airflow.mwaa == null) != (length(var.airflow.existing_role_arns) == 0)
    error_message = "airflow must have either mwaa or existing_role_arns, but not both."
  }
}

variable "airflow_secret_days" {
  description = "Days for which Airflow's OAuth secret for Databricks is valid; rotate it before (docs/how-to/upgrade.md)."
  type        = number
  default     = 180

  validation {
    condition     = var.airflow_secret_days >= 1 && var.airflow_secret_days <= 730 && floor(var.airflow_secret_days) == var.airflow_secret_days
    error_message = "airflow_secret_days must be an integer between 1 and 730, not ${var.airflow_secret_days}."
  }
}

variable "thresholds" {
  description = "Pattern thresholds that differ from the defaults, by name (spark_jobs/patterns)."
  type        = map(number)
  default     = {}
}

variable "chunker_mode" {
  description = "How the chunker runs: once every 5 seconds on a cluster that is always on (run), or for hours on job clusters, which costs less (follow); see docs/explanation/cost.md."
  type        = string
  default     = "run"

  validation {
    condition     = contains(["run", "follow"], var.chunker_mode)
    error_message = "chunker_mode must be run or follow, not ${var.chunker_mode}."
  }
}

variable "state_backend" {
  description = "Where the detector keeps its totals: in its driver's memory (driver), or in Delta, advanced and written by Spark (spark)."
  type        = string
  default     = "driver"

  validation {
    condition     = contains(["driver", "spark"], var.state_backend)
    error_message = "state_backend must be driver or spark, not ${var.state_backend}."
  }
}

variable "detector_workers" {
  description = "Number of workers of the detector's cluster: 0 for a single-node cluster; with state_backend spark, 1 or more (docs/how-to/scale-out.md)."
  type        = number
  default     = 0

  validation {
    condition     = var.detector_workers >= 0 && floor(var.detector_workers) == var.detector_workers
    error_message = "detector_workers must be an integer of at least 0, not ${var.detector_workers}."
  }

  validation {
    condition     = var.state_backend != "spark" || var.detector_workers >= 1
    error_message = "detector_workers is ${var.detector_workers}, but state_backend spark needs at least 1: its workers advance the state."
  }
}

variable "detector_pool" {
  description = "Take the detector's machines from an instance pool, so that it restarts in about one minute instead of five."
  type        = bool
  default     = false
}

variable "unity_catalog" {
  description = "Where to register the state for SQL (docs/how-to/deploy.md): an existing catalog, a SQL warehouse, and who may read. Null for not at all."
  type = object({
    catalog      = string
    warehouse_id = string
    readers      = optional(list(string), [])
  })
  default = null
}
