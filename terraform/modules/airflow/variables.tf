variable "name" {
  description = "Prefix of every name, with the environment in it."
  type        = string
}

variable "region" {
  description = "AWS region of all of it."
  type        = string
}

variable "role" {
  description = "Airflow's role, which may read what the DAGs look at."
  type        = object({ arn = string, name = string })
}

variable "databricks" {
  description = "The workspace: its URL, and a token that may run the jobs."
  type        = object({ host = string, token = string })
  sensitive   = true
}

variable "topic_arn" {
  description = "ARN of the topic of all alerts."
  type        = string
}

variable "settings" {
  description = "Settings of the DAGs, as plugins/orchestration/settings.py has them; connections are added here."
  type        = any
}

variable "secret_recovery_days" {
  description = "Days that a deleted secret can be restored, 7 to 30; 0 deletes it at once, so that its name is free again."
  type        = number

  validation {
    condition     = var.secret_recovery_days == 0 || (var.secret_recovery_days >= 7 && var.secret_recovery_days <= 30)
    error_message = "secret_recovery_days must be 0, or from 7 to 30."
  }
}

variable "mwaa" {
  description = "An Airflow to be made: version, class, instance counts, and the address range of its network. Null where Airflow exists already."
  type = object({
    airflow_version   = string
    environment_class = optional(string, "mw1.small")
    max_workers       = optional(number, 2)
    cidr              = optional(string, "10.42.0.0/24")
  })

  validation {
    condition     = var.mwaa == null ? true : can(regex("^3\\.([3-9]|[1-9][0-9])\\.", var.mwaa.airflow_version))
    error_message = "mwaa.airflow_version must be 3.3 or later: the DAGs use its deadlines."
  }
}

variable "files" {
  description = "Paths of what MWAA is given: the folder of the DAGs, plugins.zip and requirements.txt, as `make dist` has built them."
  type        = object({ dags = string, plugins_zip = string, requirements = string })
}
