variable "name" {
  description = "Prefix of every name; contains the environment."
  type        = string
}

variable "emails" {
  description = "Email addresses that receive every alert; each must confirm its subscription once."
  type        = list(string)

  validation {
    condition     = alltrue([for email in var.emails : can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", email))])
    error_message = "alert_emails must be email addresses, such as ops@example.org, not ${join(", ", [for email in var.emails : email if !can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", email))])}."
  }
}

variable "publisher_role" {
  description = "Name of Airflow's role, which publishes the alerts."
  type        = string
}

variable "bucket" {
  description = "Name of the lake's bucket."
  type        = string
}

variable "heartbeat_key" {
  description = "Key of the detector's heartbeat, which is written once a second."
  type        = string
}

variable "incoming_bucket" {
  description = "Name of the master file's bucket."
  type        = string
}

variable "mwaa_environment" {
  description = "Name of the MWAA environment to monitor; null with an existing Airflow."
  type        = string
}
