data "aws_partition" "current" {}

locals {
  # Derived from the names, not from the resources, so that a plan shows the policies.
  arns = { for key, bucket in var.buckets : key => "arn:${data.aws_partition.current.partition}:s3:::${bucket.name}" }
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_18:The account's CloudTrail logs access; at one request per second, access logs would outgrow the data
  #checkov:skip=CKV_AWS_21:Where versions are wanted, they are enabled below, which checkov does not resolve through for_each
  #checkov:skip=CKV_AWS_144:The lake can be rebuilt from the master file in minutes, the DAGs are in the repository, and the resources of a state are in one region
  #checkov:skip=CKV_AWS_145:All are encrypted below, with the key of S3 where ours would be in the state that it encrypts; see CKV_AWS_21
  #checkov:skip=CKV2_AWS_6:All have a public access block below, see CKV_AWS_21
  #checkov:skip=CKV2_AWS_61:The callers have the rules; the states keep all versions
  #checkov:skip=CKV2_AWS_62:Nothing consumes events: chunker and detector poll offset.csv
  for_each = var.buckets

  bucket        = each.value.name
  force_destroy = each.value.force_destroy
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = { for key, bucket in aws_s3_bucket.this : key => bucket if var.buckets[key].versioned }
  bucket   = each.value.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = aws_s3_bucket.this
  bucket   = each.value.id

  rule {
    # Shares one KMS call among many objects.
    bucket_key_enabled = var.buckets[each.key].kms_key_arn == null ? null : true

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.buckets[each.key].kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.buckets[each.key].kms_key_arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = aws_s3_bucket.this
  bucket   = each.value.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = aws_s3_bucket.this
  bucket   = each.value.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

data "aws_iam_policy_document" "tls_only" {
  for_each = var.buckets

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [local.arns[each.key], "${local.arns[each.key]}/*"]

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

resource "aws_s3_bucket_policy" "this" {
  for_each = aws_s3_bucket.this
  bucket   = each.value.id
  policy   = data.aws_iam_policy_document.tls_only[each.key].json

  # S3 rejects concurrent changes of a bucket's access settings.
  depends_on = [aws_s3_bucket_public_access_block.this]
}
