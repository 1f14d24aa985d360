variable "name" {
  description = "Prefix of every name, with the environment in it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,29}$", var.name))
    error_message = "name must have 3 to 30 lower-case letters, digits and hyphens and begin with a letter: it becomes part of bucket names."
  }
}

variable "protect_data" {
  description = "Refuse to destroy anything of this module, and to delete a bucket that holds objects."
  type        = bool
}

variable "old_version_days" {
  description = "Days that an overwritten or deleted object of the lake can still be restored."
  type        = number
  default     = 7

  validation {
    condition     = var.old_version_days >= 1 && floor(var.old_version_days) == var.old_version_days
    error_message = "old_version_days must be a whole number from 1 on."
  }
}

variable "airflow_trust" {
  description = "Who may take the Airflow role: AWS services (of MWAA) and the ARNs of roles or users (of an Airflow that exists already)."
  type = object({
    services = optional(list(string), [])
    arns     = optional(list(string), [])
  })

  validation {
    condition     = length(var.airflow_trust.services) + length(var.airflow_trust.arns) > 0
    error_message = "airflow_trust must name at least one service or ARN, else nobody can take the Airflow role."
  }

  validation {
    condition     = alltrue([for arn in var.airflow_trust.arns : can(regex("^arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:", arn))])
    error_message = "airflow_trust.arns must be ARNs of IAM roles or users, as arn:aws:iam::123456789012:role/airflow."
  }
}

variable "databricks_cross_account_role" {
  description = "Name of the role with which Databricks starts clusters in this account: it must be allowed to hand the jobs' role to them."
  type        = string
}
