variable "name" {
  description = "Prefix of every name in the workspace, except those of the jobs; contains the environment."
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
  description = "Local path of the wheel, as built by `make dist`."
  type        = string
}

variable "requirements" {
  description = "Local path of the wheel's pinned requirements, as written by `make dist`."
  type        = string
}

variable "spark_version" {
  description = "Databricks Runtime: Spark 4.0 or later."
  type        = string
  default     = "17.3.x-scala2.13"

  validation {
    condition     = can(regex("^(1[7-9]|[2-9][0-9])\\.[0-9]+\\.x-", var.spark_version))
    error_message = "spark_version must be Databricks Runtime 17 or later: the detector needs Spark 4."
  }
}

variable "node_types" {
  description = "Instance types of the jobs' clusters."
  type        = object({ chunker = string, detector = string, maintain_state = string })
}

variable "alert_emails" {
  description = "Email addresses that Databricks notifies of runs that fail or take too long."
  type        = list(string)
}

variable "secret_environment" {
  description = "Secret environment variables of the jobs' clusters, for example PIP_INDEX_URL with the credentials of a private package index; stored in a secret scope."
  type        = map(string)
}

variable "token_days" {
  description = "Validity of Airflow's token in days."
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
  description = "URL of CustomerImportance.csv; null if the transactions contain the weights."
  type        = string
}

variable "landing_format" {
  description = "Format of the chunks in the landing zone: csv or delta."
  type        = string
}

variable "chunk_size" {
  description = "Lines per chunk."
  type        = number
}

variable "thresholds" {
  description = "Pattern thresholds that differ from the defaults, by name (spark_jobs/patterns)."
  type        = map(number)
}

variable "placement" {
  description = "Where the detector keeps its state: driver or cluster."
  type        = string
}

variable "detector_workers" {
  description = "Number of workers of the detector's cluster; 0 for a single-node cluster."
  type        = number
}
