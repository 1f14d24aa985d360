data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  account          = data.aws_caller_identity.current.account_id
  partition        = data.aws_partition.current.partition
  environment_name = "${var.name}-airflow"

  # What the DAGs need of Airflow's own settings, by section.name; following needs no run every 5 seconds.
  airflow_options = merge({ "transaction_patterns.chunker_mode" = var.chunker_mode }, {
    for name, need in jsondecode(file("${path.module}/../../../plugins/orchestration/airflow_needs.json")) :
    name => tostring(need.at_most) if var.chunker_mode == "run"
  })
}

resource "aws_kms_key" "airflow" {
  description             = "${var.name}: Airflow secrets, logs and queue"
  enable_key_rotation     = true
  deletion_window_in_days = 7
  policy                  = data.aws_iam_policy_document.key.json
}

data "aws_iam_policy_document" "key" {
  #checkov:skip=CKV_AWS_109:A key policy applies to its own key only; without the account's root nobody could manage the key again
  #checkov:skip=CKV_AWS_111:See CKV_AWS_109
  #checkov:skip=CKV_AWS_356:See CKV_AWS_109
  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account}:root"]
    }
  }

  statement {
    sid       = "Logs"
    actions   = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${var.region}.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:${local.partition}:logs:${var.region}:${local.account}:log-group:airflow-${local.environment_name}-*"]
    }
  }
}
