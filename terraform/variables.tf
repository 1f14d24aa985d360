variable "environment" {
  description = "Which environment this is: a part of every name."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,7}$", var.environment))
    error_message = "environment must have 2 to 8 lower-case letters and digits, as dev or prod."
  }
}

variable "region" {
  description = "AWS region of all of it: that of the Databricks workspace."
  type        = string
}

variable "protect_data" {
  description = "Refuse to destroy the buckets; see docs/how-to/remove.md."
  type        = bool
}

variable "old_version_days" {
  description = "Days that an overwritten or deleted object of the lake can still be restored."
  type        = number
}

variable "alert_emails" {
  description = "Who is told when something is wrong."
  type        = list(string)
}

variable "databricks_host" {
  description = "URL of the Databricks workspace."
  type        = string

  validation {
    condition     = can(regex("^https?://[^/]+$", var.databricks_host))
    error_message = "databricks_host must be a URL without a path, as https://dbc-a1b2345c-d6e7.cloud.databricks.com."
  }
}

variable "databricks_cross_account_role" {
  description = "Name of the IAM role with which this workspace starts clusters."
  type        = string
}

variable "node_types" {
  description = "Instance types of the jobs' clusters."
  type        = object({ chunker = string, detector = string, maintain_state = string })
}

variable "secret_environment" {
  description = "Secret environment variables of the jobs' clusters; give them as TF_VAR_secret_environment."
  type        = map(string)
  default     = {}
  sensitive   = true
}

variable "with_importance" {
  description = "Weights come from CustomerImportance.csv, which must then be uploaded; else with the transactions."
  type        = bool
}

variable "landing_format" {
  description = "How chunks lie in the landing zone: csv or delta."
  type        = string
  default     = "csv"
}

variable "chunk_size" {
  description = "Lines of a chunk."
  type        = number
  default     = 10000
}

variable "airflow" {
  description = "Either an MWAA environment to be made, or the ARNs of the roles under which an Airflow that exists runs."
  type = object({
    mwaa = optional(object({
      airflow_version   = string
      environment_class = optional(string, "mw1.small")
      max_workers       = optional(number, 2)
      cidr              = optional(string, "10.42.0.0/24")
    }))
    existing_role_arns = optional(list(string), [])
  })

  validation {
    condition     = (var.airflow.mwaa == null) != (length(var.airflow.existing_role_arns) == 0)
    error_message = "airflow must have either mwaa or existing_role_arns, and not both."
  }
}

variable "thresholds" {
  description = "Thresholds of the patterns where they are not the defaults, by name (spark_jobs/patterns)."
  type        = map(number)
  default     = {}
}

variable "placement" {
  description = "Where the detector's state is: in its driver's memory (driver), or in Delta and advanced by its workers (cluster)."
  type        = string
  default     = "driver"

  validation {
    condition     = contains(["driver", "cluster"], var.placement)
    error_message = "placement must be driver or cluster."
  }
}

variable "detector_workers" {
  description = "Workers of the detector's cluster. 0 is one machine for all; with placement cluster, one or more (docs/how-to/scale-out.md)."
  type        = number
  default     = 0

  validation {
    condition     = var.detector_workers >= 0 && floor(var.detector_workers) == var.detector_workers
    error_message = "detector_workers must be a whole number from 0 on."
  }
}
