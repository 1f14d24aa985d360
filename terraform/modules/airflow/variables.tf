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

variable "chunker_mode" {
  description = "How the chunker runs, run or follow: only the DAG of that mode has a schedule."
  type        = string
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
  description = "MWAA environment to create; its attributes are described in terraform/variables.tf. Null with an existing Airflow."
  type = object({
    airflow_version    = optional(string, "3.3.1")
    environment_class  = optional(string, "mw1.small")
    min_workers        = optional(number, 1)
    max_workers        = optional(number, 2)
    schedulers         = optional(number)
    min_webservers     = optional(number)
    max_webservers     = optional(number)
    cidr               = optional(string, "10.42.0.0/24")
    public_webserver   = optional(bool, false)
    source_cidrs       = optional(list(string), [])
    maintenance_window = optional(string)
    startup_script     = optional(string)
  })

  validation {
    condition     = var.mwaa == null ? true : can(regex("^(3\\.([3-9]|[1-9][0-9])|[4-9])\\.", var.mwaa.airflow_version))
    error_message = "mwaa.airflow_version must be a version that MWAA offers, 3.3.1 or later, because the DAGs use its deadlines; it is ${try(var.mwaa.airflow_version, "")}."
  }

  validation {
    condition     = var.mwaa == null ? true : contains(["mw1.small", "mw1.medium", "mw1.large", "mw1.xlarge", "mw1.2xlarge"], var.mwaa.environment_class)
    error_message = "mwaa.environment_class must be mw1.small, mw1.medium, mw1.large, mw1.xlarge or mw1.2xlarge, not ${try(var.mwaa.environment_class, "")}."
  }

  validation {
    condition     = var.mwaa == null ? true : can(cidrhost(var.mwaa.cidr, 0)) && can(regex("/(1[6-9]|2[0-4])$", var.mwaa.cidr))
    error_message = "mwaa.cidr must be an IPv4 block between /16 and /24, such as 10.42.0.0/24, not ${try(var.mwaa.cidr, "")}: it is split into four subnets."
  }

  validation {
    condition = var.mwaa == null ? true : alltrue([
      for cidr in var.mwaa.source_cidrs : can(cidrhost(cidr, 0)) && !endswith(cidr, "/0")
    ])
    error_message = "mwaa.source_cidrs must be IPv4 blocks smaller than the whole internet, not ${join(", ", try(var.mwaa.source_cidrs, []))}."
  }

  validation {
    condition     = var.mwaa == null ? true : !var.mwaa.public_webserver || length(var.mwaa.source_cidrs) == 0
    error_message = "mwaa.source_cidrs has no effect with public_webserver: MWAA's public web server is reachable from everywhere and protected by IAM alone."
  }

  validation {
    condition     = var.mwaa == null ? true : var.mwaa.max_workers >= var.mwaa.min_workers && var.mwaa.min_workers >= 1
    error_message = "mwaa.min_workers, ${try(var.mwaa.min_workers, "")}, must be at least 1 and at most max_workers, ${try(var.mwaa.max_workers, "")}."
  }

  validation {
    condition = var.mwaa == null ? true : alltrue([
      for count in [var.mwaa.schedulers, var.mwaa.min_webservers, var.mwaa.max_webservers] : count == null ? true : count >= 2 && count <= 5
    ])
    error_message = "mwaa.schedulers, min_webservers and max_webservers must be between 2 and 5, as MWAA demands."
  }

  validation {
    condition     = try(var.mwaa.maintenance_window, null) == null ? true : can(regex("^(MON|TUE|WED|THU|FRI|SAT|SUN):([01][0-9]|2[0-3]):(00|30)$", var.mwaa.maintenance_window))
    error_message = "mwaa.maintenance_window must be a day and a time in UTC on the half-hour, such as SUN:03:30, not ${try(coalesce(var.mwaa.maintenance_window), "")}."
  }

  validation {
    condition     = try(var.mwaa.startup_script, null) == null ? true : fileexists(var.mwaa.startup_script)
    error_message = "mwaa.startup_script: there is no file ${try(coalesce(var.mwaa.startup_script), "")}."
  }
}

variable "files" {
  description = "Paths of the files for MWAA: the folder of the DAGs, and plugins.zip and requirements.txt as built by `make dist`."
  type        = object({ dags = string, plugins_zip = string, requirements = string })
}
