variable "name" {
  description = "Prefix of every name, with the environment in it."
  type        = string
}

variable "emails" {
  description = "Addresses that get every alert; each must confirm it once."
  type        = list(string)

  validation {
    condition     = alltrue([for email in var.emails : can(regex("^[^@ ]+@[^@ ]+$", email))])
    error_message = "emails must be addresses as ops@example.org."
  }
}

variable "publisher_role" {
  description = "Name of Airflow's role, which publishes alerts."
  type        = string
}

variable "bucket" {
  description = "Name of the lake's bucket."
  type        = string
}

variable "heartbeat_key" {
  description = "Key of the detector's heartbeat, which it writes once a second."
  type        = string
}

variable "mwaa_environment" {
  description = "Name of the MWAA environment to watch, null where Airflow runs elsewhere."
  type        = string
}
