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

resource "aws_s3_bucket" "state" {
  #checkov:skip=CKV_AWS_18:Only Terraform reads it, and the account's CloudTrail logs access
  #checkov:skip=CKV_AWS_144:All resources in the state are in one region, too
  #checkov:skip=CKV_AWS_145:Uses the key of S3; a key of ours would be managed in the state that it encrypts
  #checkov:skip=CKV2_AWS_61:All versions are kept
  #checkov:skip=CKV2_AWS_62:Nothing consumes events
  bucket = "transaction-patterns-terraform-${data.aws_caller_identity.current.account_id}"

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_versioning" "state" {
  bucket = aws_s3_bucket.state.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "state" {
  bucket = aws_s3_bucket.state.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_public_access_block" "state" {
  bucket = aws_s3_bucket.state.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

data "aws_iam_policy_document" "tls_only" {
  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.state.arn, "${aws_s3_bucket.state.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "tls_only" {
  bucket = aws_s3_bucket.state.id
  policy = data.aws_iam_policy_document.tls_only.json

  # S3 rejects concurrent changes of a bucket's access settings.
  depends_on = [aws_s3_bucket_public_access_block.state]
}

output "bucket" {
  description = "Value of `bucket` in environments/*/backend.hcl."
  value       = aws_s3_bucket.state.id
}
