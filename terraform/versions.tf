terraform {
  # For write-only arguments, state locking in S3, and validations that refer to other variables.
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
    databricks = {
      source  = "databricks/databricks"
      version = "~> 1.128"
    }
  }

  # The bucket is created once per account (terraform/state); its name comes from environments/<name>/backend.hcl.
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}
