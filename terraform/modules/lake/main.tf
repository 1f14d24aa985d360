data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  # The master file has its own, unversioned bucket: it is replaced as a whole each time it grows, so the old versions
  # of one day would be thousands of times its size. Every line of it is in the landing zone.
  buckets = {
    incoming = "${var.name}-incoming-${data.aws_caller_identity.current.account_id}"
    lake     = "${var.name}-lake-${data.aws_caller_identity.current.account_id}"
    logs     = "${var.name}-logs-${data.aws_caller_identity.current.account_id}"
  }
  source_key     = "transactions.csv"
  importance_key = "CustomerImportance.csv"
  lake_prefix    = "lake"
  logs_prefix    = "clusters"
}

resource "aws_kms_key" "lake" {
  description             = "${var.name}: lake data"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.lake_key.json
}

resource "aws_kms_alias" "lake" {
  name          = "alias/${var.name}-lake"
  target_key_id = aws_kms_key.lake.key_id
}

# The policies of the roles grant the use of the key.
data "aws_iam_policy_document" "lake_key" {
  #checkov:skip=CKV_AWS_109:A key policy applies to its own key only; without the account's root nobody could manage the key again
  #checkov:skip=CKV_AWS_111:See CKV_AWS_109
  #checkov:skip=CKV_AWS_356:See CKV_AWS_109
  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"]
    }
  }
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_18:The account's CloudTrail logs access; at one request per second, access logs would outgrow the data
  #checkov:skip=CKV_AWS_21:The lake is versioned below; the master file must not be, see locals; logs are written once
  #checkov:skip=CKV_AWS_144:The lake can be rebuilt from the master file in minutes; replication would double every request
  #checkov:skip=CKV_AWS_145:All are encrypted with our key below, which checkov does not resolve through for_each
  #checkov:skip=CKV2_AWS_6:All have a public access block below, see CKV_AWS_145
  #checkov:skip=CKV2_AWS_61:All have rules in lifecycle.tf, see CKV_AWS_145
  #checkov:skip=CKV2_AWS_62:Nothing consumes events: chunker and detector poll offset.csv
  for_each = local.buckets

  bucket        = each.value
  force_destroy = !var.protect_data || each.key == "logs"

  # Deletes the key after the buckets: if a bucket cannot be deleted, its data stays readable.
  depends_on = [aws_kms_key.lake]
}

# Makes any plan that destroys or replaces the buckets fail before it changes anything. docs/how-to/remove.md describes
# how to remove the protection.
resource "terraform_data" "protection" {
  count            = var.protect_data ? 1 : 0
  triggers_replace = [for name in ["incoming", "lake"] : aws_s3_bucket.this[name].id]

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_versioning" "lake" {
  bucket = aws_s3_bucket.this["lake"].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = aws_s3_bucket.this
  bucket   = each.value.id

  rule {
    # Shares one KMS call among many objects.
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.lake.arn
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
  for_each = local.buckets

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = ["${local.bucket_arns[each.key]}", "${local.bucket_arns[each.key]}/*"]

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
  for_each = aws_s3_bucket.this
  bucket   = each.value.id
  policy   = data.aws_iam_policy_document.tls_only[each.key].json

  # S3 rejects concurrent changes of a bucket's access settings.
  depends_on = [aws_s3_bucket_public_access_block.this]
}
