terraform {
  # State locking in S3 itself, and validations that look at other variables.
  required_version = ">= 1.10"

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

  # The bucket is made once an account (terraform/state); its name comes from environments/<name>/backend.hcl.
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}
