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
  default     = null
}

variable "landing_format" {
  description = "Format of the chunks in the landing zone: csv or delta."
  type        = string

  validation {
    condition     = contains(["csv", "delta"], var.landing_format)
    error_message = "landing_format must be csv or delta, not ${var.landing_format}."
  }
}

variable "chunk_size" {
  description = "Lines per chunk."
  type        = number

  validation {
    condition     = var.chunk_size >= 1 && floor(var.chunk_size) == var.chunk_size
    error_message = "chunk_size must be an integer of at least 1, not ${var.chunk_size}."
  }
}

variable "thresholds" {
  description = "Pattern thresholds that differ from the defaults, by name (spark_jobs/patterns)."
  type        = map(number)

  validation {
    condition     = var.threshold_names == null ? true : alltrue([for name in keys(var.thresholds) : contains(var.threshold_names, name)])
    error_message = "thresholds: ${join(", ", [for name in keys(var.thresholds) : name if !try(contains(var.threshold_names, name), true)])}: unknown; the thresholds are ${join(", ", try(coalesce(var.threshold_names), []))}."
  }
}

variable "threshold_names" {
  description = "Names of all thresholds, as in the wheel; null if unknown."
  type        = list(string)
}

variable "state_backend" {
  description = "Where the detector keeps its totals: in its driver's memory (driver), or in Delta, advanced and written by Spark (spark)."
  type        = string

  validation {
    condition     = contains(["driver", "spark"], var.state_backend)
    error_message = "state_backend must be driver or spark, not ${var.state_backend}."
  }
}

variable "chunker_mode" {
  description = "How the chunker runs: once every 5 seconds (run), or for hours (follow)."
  type        = string

  validation {
    condition     = contains(["run", "follow"], var.chunker_mode)
    error_message = "chunker_mode must be run or follow, not ${var.chunker_mode}."
  }
}
