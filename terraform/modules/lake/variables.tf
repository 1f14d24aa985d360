variable "name" {
  description = "Prefix of every name; contains the environment."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,29}$", var.name))
    error_message = "name must be 3 to 30 lower-case letters, digits or hyphens and start with a letter: it becomes part of bucket names."
  }
}

variable "protect_data" {
  description = "Prevent Terraform from destroying or replacing the buckets, and from deleting one that contains objects."
  type        = bool
}

variable "old_version_days" {
  description = "Days for which an overwritten or deleted object of the lake can be restored."
  type        = number
  default     = 7

  validation {
    condition     = var.old_version_days >= 1 && floor(var.old_version_days) == var.old_version_days
    error_message = "old_version_days must be an integer of at least 1, not ${var.old_version_days}."
  }
}

variable "log_days" {
  description = "Days for which the clusters' logs are kept."
  type        = number
}

variable "airflow_trust" {
  description = "Principals that can assume the Airflow role: AWS services (for MWAA) and ARNs of roles or users (for an existing Airflow)."
  type = object({
    services = optional(list(string), [])
    arns     = optional(list(string), [])
  })

  validation {
    condition     = length(var.airflow_trust.services) + length(var.airflow_trust.arns) > 0
    error_message = "airflow_trust must contain at least one service or ARN: otherwise nothing can assume the Airflow role."
  }

  validation {
    condition     = alltrue([for arn in var.airflow_trust.arns : can(regex("^arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:", arn))])
    error_message = "airflow_trust.arns must be ARNs of IAM roles or users, such as arn:aws:iam::123456789012:role/airflow, not ${join(", ", var.airflow_trust.arns)}."
  }
}

variable "permissions_boundary_arn" {
  description = "ARN of the policy that limits the roles; null for none."
  type        = string
}

variable "databricks_cross_account_role" {
  description = "Name of the role with which Databricks starts clusters in this account; it is granted permission to pass the jobs' role to them."
  type        = string
}
