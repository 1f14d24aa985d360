variable "name" {
  description = "Prefix of what has a name of its own in the workspace, with the environment in it."
  type        = string
}

variable "region" {
  description = "AWS region of the lake."
  type        = string
}

variable "instance_profile_arn" {
  description = "ARN of the instance profile with the jobs' role."
  type        = string
}

variable "wheel" {
  description = "Path of the wheel on this machine, as `make dist` has built it."
  type        = string
}

variable "requirements" {
  description = "Path of the pinned packages that the wheel needs, as `make dist` has written them."
  type        = string
}

variable "spark_version" {
  description = "Databricks Runtime: Spark 4.0 or later."
  type        = string
  default     = "17.3.x-scala2.13"

  validation {
    condition     = can(regex("^(1[7-9]|[2-9][0-9])\\.[0-9]+\\.x-", var.spark_version))
    error_message = "spark_version must be a Databricks Runtime from 17 on: the detector needs Spark 4."
  }
}

variable "node_types" {
  description = "Instance types: of the chunker's cluster, of the detector's, and of the one for maintenance."
  type        = object({ chunker = string, detector = string, maintain_state = string })
}

variable "alert_emails" {
  description = "Who is told by Databricks of runs that fail or take too long."
  type        = list(string)
}

variable "secret_environment" {
  description = "Environment variables of the jobs' clusters whose values are secrets, as PIP_INDEX_URL of a private package index; kept in a secret scope."
  type        = map(string)
}

variable "token_days" {
  description = "Days that Airflow's token is valid."
  type        = number
  default     = 365
}

variable "source_url" {
  description = "URL of the master file."
  type        = string
}

variable "lake_url" {
  description = "URL of the lake."
  type        = string
}

variable "importance_url" {
  description = "URL of CustomerImportance.csv, null where weights come with the transactions."
  type        = string
}

variable "landing_format" {
  description = "How chunks lie in the landing zone: csv or delta."
  type        = string
}

variable "chunk_size" {
  description = "Lines of a chunk."
  type        = number
}

variable "thresholds" {
  description = "Thresholds of the patterns where they are not the defaults, by name (spark_jobs/patterns)."
  type        = map(number)
}

variable "placement" {
  description = "Where the detector's state is: driver or cluster."
  type        = string
}

variable "detector_workers" {
  description = "Workers of the detector's cluster; 0 is one machine for all."
  type        = number
}
