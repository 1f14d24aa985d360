variable "name" {
  description = "Prefix of every name; contains the environment."
  type        = string
}

variable "region" {
  description = "AWS region of all resources."
  type        = string
}

variable "role" {
  description = "Airflow's role, which can read everything the DAGs need."
  type        = object({ arn = string, name = string })
}

variable "databricks" {
  description = "URL of the workspace, and the OAuth client of a service principal that can run the jobs."
  type        = object({ host = string, client_id = string, client_secret = string })
  sensitive   = true
}

variable "topic_arn" {
  description = "ARN of the topic for all alerts."
  type        = string
}

variable "settings" {
  description = "Settings of the DAGs, as defined in plugins/orchestration/settings.py; the module adds the connections."
  type        = any
}

variable "log_days" {
  description = "Days for which MWAA's logs are kept."
  type        = number

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_days)
    error_message = "log_days must be one of the periods that CloudWatch Logs offers (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, ...), not ${var.log_days}."
  }
}

variable "secret_recovery_days" {
  description = "Days for which a deleted secret can be restored, 7 to 30; 0 deletes it immediately, which frees its name."
  type        = number

  validation {
    condition     = var.secret_recovery_days == 0 || (var.secret_recovery_days >= 7 && var.secret_recovery_days <= 30)
    error_message = "secret_recovery_days must be 0 or between 7 and 30."
  }
}

variable "mwaa" {
  description = "MWAA environment to create: version, class, maximum number of workers, and CIDR block of its network. Null with an existing Airflow."
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
  description = "Paths of the files for MWAA: the folder of the DAGs, and plugins.zip and requirements.txt as built by `make dist`."
  type        = object({ dags = string, plugins_zip = string, requirements = string })
}
