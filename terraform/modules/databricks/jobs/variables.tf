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
  default     = null
}

variable "landing_format" {
  description = "How chunks lie in the landing zone."
  type        = string

  validation {
    condition     = contains(["csv", "delta"], var.landing_format)
    error_message = "landing_format must be csv or delta."
  }
}

variable "chunk_size" {
  description = "Lines of a chunk."
  type        = number

  validation {
    condition     = var.chunk_size >= 1 && floor(var.chunk_size) == var.chunk_size
    error_message = "chunk_size must be a whole number from 1 on."
  }
}

variable "thresholds" {
  description = "Thresholds of the patterns where they are not the defaults, by name (spark_jobs/patterns)."
  type        = map(number)
}

variable "placement" {
  description = "Where the detector's state is: in its driver's memory (driver), or in Delta and advanced by its workers (cluster)."
  type        = string

  validation {
    condition     = contains(["driver", "cluster"], var.placement)
    error_message = "placement must be driver or cluster."
  }
}
