variable "name" {
  description = "Prefix of every name; contains the environment."
  type        = string
}

variable "catalog" {
  description = "Name of an existing catalog, in which the schema is created."
  type        = string
}

variable "warehouse_id" {
  description = "Id of the SQL warehouse with which tables and views are created."
  type        = string
}

variable "readers" {
  description = "Groups, users and service principals that can read the views and tables; they need USE CATALOG as well."
  type        = list(string)
}

variable "writer" {
  description = "Application id of the service principal whose Spark writes the state; null if the state is written without Spark."
  type        = string
}

variable "lake_url" {
  description = "URL of the lake."
  type        = string
}

variable "bucket" {
  description = "Name of the lake's bucket."
  type        = string
}

variable "lake_prefix" {
  description = "Prefix of all objects in the lake's bucket."
  type        = string
}

variable "key_arn" {
  description = "ARN of the key that encrypts the lake."
  type        = string
}

variable "permissions_boundary_arn" {
  description = "ARN of the policy that limits the role; null for none."
  type        = string
}

variable "view_comments" {
  description = "Comments of the views, by name."
  type        = map(string)
  default = {
    pairs      = "Totals of each merchant and customer, as of the line in its row"
    merchants  = "Totals and thresholds of each merchant, as of the line in its row"
    detections = "Each detection once, with the compared values and their thresholds"
  }
}
