# The role of the storage credential: it reads the state, writes it if Spark does, and nothing else.
resource "aws_iam_role" "state" {
  name                 = local.role_name
  description          = "Unity Catalog: the state"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = var.permissions_boundary_arn
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = [databricks_storage_credential.state.aws_iam_role[0].unity_catalog_iam_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = [databricks_storage_credential.state.aws_iam_role[0].external_id]
    }
  }

  # Unity Catalog demands that the role may assume itself. The account is named, because the role does not exist yet.
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:PrincipalArn"
      values   = [local.role_arn]
    }
  }
}

resource "aws_iam_role_policy" "state" {
  name   = "state"
  role   = aws_iam_role.state.name
  policy = data.aws_iam_policy_document.state.json
}

data "aws_iam_policy_document" "state" {
  statement {
    sid       = "Read"
    actions   = ["s3:GetObject"]
    resources = ["arn:${data.aws_partition.current.partition}:s3:::${var.bucket}/${var.lake_prefix}/state/*"]
  }

  statement {
    sid       = "List"
    actions   = ["s3:ListBucket"]
    resources = ["arn:${data.aws_partition.current.partition}:s3:::${var.bucket}"]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["${var.lake_prefix}/state", "${var.lake_prefix}/state/*"]
    }
  }

  statement {
    sid       = "Locate"
    actions   = ["s3:GetBucketLocation"]
    resources = ["arn:${data.aws_partition.current.partition}:s3:::${var.bucket}"]
  }

  statement {
    sid       = "Key"
    actions   = var.writer == null ? ["kms:Decrypt"] : ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [var.key_arn]
  }

  dynamic "statement" {
    for_each = var.writer == null ? [] : [var.writer]

    content {
      sid       = "Write"
      actions   = ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
      resources = ["arn:${data.aws_partition.current.partition}:s3:::${var.bucket}/${var.lake_prefix}/state/*"]
    }
  }

  statement {
    sid       = "AssumeItself"
    actions   = ["sts:AssumeRole"]
    resources = [local.role_arn]
  }
}
