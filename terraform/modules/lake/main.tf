data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  # The master file has a bucket of its own, for it alone must not be versioned: each time it grows it is replaced as a
  # whole, so a day of old versions would be thousands of times its size. Every line of it is in the landing zone.
  buckets = {
    incoming = "${var.name}-incoming-${data.aws_caller_identity.current.account_id}"
    lake     = "${var.name}-lake-${data.aws_caller_identity.current.account_id}"
  }
  source_key     = "transactions.csv"
  importance_key = "CustomerImportance.csv"
  lake_prefix    = "lake"
}

resource "aws_kms_key" "lake" {
  description             = "${var.name}: data of the lake"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.lake_key.json
}

resource "aws_kms_alias" "lake" {
  name          = "alias/${var.name}-lake"
  target_key_id = aws_kms_key.lake.key_id
}

# Who may use the key is said by the roles' own policies.
data "aws_iam_policy_document" "lake_key" {
  #checkov:skip=CKV_AWS_109:A key's policy speaks of its own key alone; without the account's root the key could never be changed again
  #checkov:skip=CKV_AWS_111:the same
  #checkov:skip=CKV_AWS_356:the same
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
  #checkov:skip=CKV_AWS_18:Access is logged by the account's CloudTrail; access logs of a request a second would outgrow the data
  #checkov:skip=CKV_AWS_21:The lake is versioned below; the master file must not be, see locals
  #checkov:skip=CKV_AWS_144:The lake can be rebuilt from the master file in minutes; a copy in another region doubles every request
  #checkov:skip=CKV_AWS_145:Both have the key of ours below, which checkov does not connect over for_each
  #checkov:skip=CKV2_AWS_6:Both have their block below, the same
  #checkov:skip=CKV2_AWS_61:Both have their lifecycle in lifecycle.tf, the same
  #checkov:skip=CKV2_AWS_62:Nothing listens to events: chunker and detector go by offset.csv
  for_each = local.buckets

  bucket        = each.value
  force_destroy = !var.protect_data

  # The key goes after the buckets: where one of them cannot be deleted, its data stays readable.
  depends_on = [aws_kms_key.lake]
}

# While there is data to protect, no plan may destroy or replace the buckets: it is refused before anything has changed.
# docs/how-to/remove.md has the way out.
resource "terraform_data" "protection" {
  count            = var.protect_data ? 1 : 0
  triggers_replace = [for bucket in aws_s3_bucket.this : bucket.id]

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
    # One call to KMS for many objects.
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

  # S3 refuses two of these at once.
  depends_on = [aws_s3_bucket_public_access_block.this]
}
