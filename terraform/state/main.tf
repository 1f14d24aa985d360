# The bucket for Terraform's state: created once per account, before everything else (docs/how-to/deploy.md).
terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = { Project = "transaction-patterns", Environment = "all" }
  }
}

data "aws_caller_identity" "current" {}

variable "region" {
  description = "AWS region of the bucket."
  type        = string
}

module "buckets" {
  source = "../modules/private_buckets"

  buckets = {
    # With the key of S3: one of ours would be managed in a state that it encrypts.
    state = {
      name      = "transaction-patterns-terraform-${data.aws_caller_identity.current.account_id}"
      versioned = true
    }
  }
}

# Makes any plan that destroys or replaces the bucket fail before it changes anything.
resource "terraform_data" "protection" {
  triggers_replace = [module.buckets.ids["state"]]

  lifecycle {
    prevent_destroy = true
  }
}

output "bucket" {
  description = "Value of `bucket` in environments/*/backend.hcl."
  value       = module.buckets.ids["state"]
}
