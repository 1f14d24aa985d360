variable "name" {
  description = "Prefix of every name in the workspace; contains the environment."
  type        = string
}

variable "tags" {
  description = "Tags of jobs, clusters and pools."
  type        = map(string)
}

variable "job_names" {
  description = "Names of the jobs in the workspace, by their name in jobs.json."
  type        = map(string)
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
  description = "Local path of the requirements that a Databricks Runtime lacks, with hashes, as written by `make dist`."
  type        = string
}

variable "spark_version" {
  description = "Key of a Databricks Runtime with Spark 4.0 or later."
  type        = string

  validation {
    condition     = can(regex("^(17\\.[3-9]|(1[89]|[2-9][0-9])(\\.[0-9]+)?)\\.x-scala2\\.13$", var.spark_version))
    error_message = "spark_version must be the key of Databricks Runtime 17.3 or later, such as 17.3.x-scala2.13 or 18.x-scala2.13, not ${var.spark_version}."
  }
}

variable "node_types" {
  description = "Instance types of the jobs' clusters; that of what_if is by default the detector's."
  type        = object({ chunker = string, detector = string, maintain_state = string, what_if = optional(string) })
}

variable "alert_emails" {
  description = "Email addresses that Databricks notifies of runs that fail or take too long."
  type        = list(string)
}

variable "secret_environment" {
  description = "Secret environment variables of the jobs' clusters, for example PIP_INDEX_URL with the credentials of a private package index; stored in a secret scope."
  type        = map(string)
}

variable "airflow_secret_days" {
  description = "Validity of Airflow's OAuth secret in days; an apply after that creates a new one."
  type        = number
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

variable "threshold_names" {
  description = "Names of all thresholds, as in the wheel; null if unknown."
  type        = list(string)
}

variable "logs_url" {
  description = "URL under which the clusters store the logs of driver and executors."
  type        = string
}

variable "state_backend" {
  description = "Where the detector keeps its totals: driver or spark."
  type        = string
}

variable "detector_workers" {
  description = "Number of workers of the detector's cluster, and of maintain_state's if Spark writes the state; 0 for a single-node cluster."
  type        = number
}

variable "detector_pool" {
  description = "Take the detector's machines from an instance pool, so that it restarts faster."
  type        = bool
}

variable "chunker_mode" {
  description = "How the chunker runs: once every 5 seconds on a cluster that is always on (run), or for hours on job clusters (follow)."
  type        = string
}
