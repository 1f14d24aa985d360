# The roles have only the permissions that the code needs: spark_jobs for the jobs;
# plugins/orchestration and plugins/pattern_page for Airflow. tests/integration/terraform runs that code under these policies.

locals {
  bucket_arns = module.buckets.arns
  lake_arn    = "${local.bucket_arns["lake"]}/${local.lake_prefix}"
}

# The jobs' role: the instance profile of their clusters.
resource "aws_iam_role" "jobs" {
  name               = "${var.name}-jobs"
  description        = "The jobs of jobs.json: read the master file, read and write the lake"
  assume_role_policy = data.aws_iam_policy_document.jobs_trust.json

  permissions_boundary = var.permissions_boundary_arn
}

resource "aws_iam_instance_profile" "jobs" {
  name = "${var.name}-jobs"
  role = aws_iam_role.jobs.name
}

# Without aws:SourceAccount: EC2 does not send it when it takes the role of an instance profile.
data "aws_iam_policy_document" "jobs_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy" "jobs" {
  name   = "lake"
  role   = aws_iam_role.jobs.id
  policy = data.aws_iam_policy_document.jobs.json
}

data "aws_iam_policy_document" "jobs" {
  statement {
    sid     = "ReadInput"
    actions = ["s3:GetObject"]
    resources = [
      "${local.bucket_arns["incoming"]}/${local.source_key}",
      "${local.bucket_arns["incoming"]}/${local.importance_key}",
    ]
  }

  statement {
    sid     = "ReadAndWriteLake"
    actions = ["s3:GetObject", "s3:PutObject"]
    resources = [
      "${local.lake_arn}/landing_zone/*",
      "${local.lake_arn}/offset.csv",
      "${local.lake_arn}/state/*",
    ]
  }

  statement {
    sid       = "ReadRulesAndReports"
    actions   = ["s3:GetObject"]
    resources = ["${local.lake_arn}/rules/*", "${local.lake_arn}/what_if/*"]
  }

  # publish_rules and what_if create objects, and replace none. People publish rules with their own credentials.
  statement {
    sid       = "CreateRulesAndReports"
    actions   = ["s3:PutObject"]
    resources = ["${local.lake_arn}/rules/*", "${local.lake_arn}/what_if/*"]

    condition {
      test     = "Null"
      variable = "s3:if-none-match"
      values   = ["false"]
    }
  }

  # Write-once; the jobs never read these.
  statement {
    sid     = "Write"
    actions = ["s3:PutObject"]
    resources = [
      "${local.lake_arn}/quarantine/*",
      "${local.lake_arn}/detections/*",
    ]
  }

  # maintain_state deletes chunks and quarantine below the committed line, old reports, and the files that VACUUM finds.
  # Jobs cannot delete old versions.
  statement {
    sid     = "Delete"
    actions = ["s3:DeleteObject"]
    resources = [
      "${local.lake_arn}/landing_zone/*",
      "${local.lake_arn}/quarantine/*",
      "${local.lake_arn}/state/*",
      "${local.lake_arn}/what_if/*",
    ]
  }

  # Lakes of smoke runs, with their input (docs/how-to/deploy.md).
  statement {
    sid       = "ScratchLakes"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    resources = ["${local.bucket_arns["lake"]}/${local.smoke_prefix}/*"]
  }

  # Delta's data files may be large enough for a multipart upload.
  statement {
    sid       = "AbortUploads"
    actions   = ["s3:AbortMultipartUpload"]
    resources = ["${local.lake_arn}/landing_zone/*", "${local.lake_arn}/state/*"]
  }

  statement {
    sid       = "List"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arns["lake"]]

    # IfExists: the first run of each job relies on "not found", which S3 returns only to principals with ListBucket;
    # that check has no prefix.
    condition {
      test     = "StringLikeIfExists"
      variable = "s3:prefix"
      values   = ["${local.lake_prefix}/*", "${local.smoke_prefix}/*"]
    }
  }

  # Databricks delivers the logs of a cluster with the cluster's own role.
  statement {
    sid       = "DeliverLogs"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${local.bucket_arns["logs"]}/${local.logs_prefix}/*"]
  }

  statement {
    sid       = "ListLogs"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arns["logs"]]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["${local.logs_prefix}/*"]
    }
  }

  # Lets S3 return "not found" for a missing master or importance file.
  statement {
    sid       = "DetectMissingObjects"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arns["incoming"]]

    condition {
      test     = "Null"
      variable = "s3:prefix"
      values   = ["true"]
    }
  }

  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.lake.arn]
  }
}

# Databricks passes the jobs' role to the clusters that it starts.
resource "aws_iam_role_policy" "pass_jobs_role" {
  name   = "${var.name}-pass-jobs-role"
  role   = var.databricks_cross_account_role
  policy = data.aws_iam_policy_document.pass_jobs_role.json
}

data "aws_iam_policy_document" "pass_jobs_role" {
  statement {
    actions   = ["iam:PassRole"]
    resources = [aws_iam_role.jobs.arn]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ec2.amazonaws.com"]
    }
  }
}

# Airflow's role: read-only.
resource "aws_iam_role" "airflow" {
  name               = "${var.name}-airflow"
  description        = "Airflow: reads the master file and the lake"
  assume_role_policy = data.aws_iam_policy_document.airflow_trust.json

  permissions_boundary = var.permissions_boundary_arn
}

data "aws_iam_policy_document" "airflow_trust" {
  dynamic "statement" {
    for_each = length(var.airflow_trust.services) > 0 ? [1] : []

    content {
      actions = ["sts:AssumeRole"]

      principals {
        type        = "Service"
        identifiers = var.airflow_trust.services
      }

      # MWAA acts for other accounts, too.
      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [data.aws_caller_identity.current.account_id]
      }
    }
  }

  dynamic "statement" {
    for_each = length(var.airflow_trust.arns) > 0 ? [1] : []

    content {
      actions = ["sts:AssumeRole"]

      principals {
        type        = "AWS"
        identifiers = var.airflow_trust.arns
      }
    }
  }
}

resource "aws_iam_role_policy" "airflow" {
  name   = "lake"
  role   = aws_iam_role.airflow.id
  policy = data.aws_iam_policy_document.airflow.json
}

data "aws_iam_policy_document" "airflow" {
  statement {
    sid     = "Read"
    actions = ["s3:GetObject"]
    resources = [
      "${local.bucket_arns["incoming"]}/${local.source_key}",
      "${local.lake_arn}/offset.csv",
      "${local.lake_arn}/state/detector.json",
      "${local.lake_arn}/state/detector_history.json",
      "${local.lake_arn}/state/detections/*",
      "${local.lake_arn}/state/merchants/*",
      "${local.lake_arn}/state/pairs/*",
      "${local.lake_arn}/state/shadow/*",
      "${local.lake_arn}/rules/*",
      "${local.lake_arn}/quarantine/*",
      "${local.lake_arn}/detections/*",
      "${local.lake_arn}/what_if/*/report.json",
    ]
  }

  # With these prefixes, or without one to detect a missing object, as for the jobs.
  statement {
    sid       = "List"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arns["lake"]]

    condition {
      test     = "StringLikeIfExists"
      variable = "s3:prefix"
      values = [
        for folder in [
          "landing_zone", "quarantine", "rules", "state/detections", "state/merchants", "state/pairs", "state/shadow"
        ] : "${local.lake_prefix}/${folder}/*"
      ]
    }
  }

  statement {
    sid       = "DetectMissingObjects"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arns["incoming"]]

    condition {
      test     = "Null"
      variable = "s3:prefix"
      values   = ["true"]
    }
  }

  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt"]
    resources = [aws_kms_key.lake.arn]
  }
}
