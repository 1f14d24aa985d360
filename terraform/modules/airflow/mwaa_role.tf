# Permissions that MWAA itself needs, in addition to those of the DAGs.
resource "aws_iam_role_policy" "mwaa" {
  count  = var.mwaa == null ? 0 : 1
  name   = "mwaa"
  role   = var.role.name
  policy = data.aws_iam_policy_document.mwaa[count.index].json
}

data "aws_iam_policy_document" "mwaa" {
  #checkov:skip=CKV_AWS_356:logs:DescribeLogGroups and cloudwatch:PutMetricData have no resource-level permissions
  #checkov:skip=CKV_AWS_111:See CKV_AWS_356
  count = var.mwaa == null ? 0 : 1

  statement {
    sid       = "Code"
    actions   = ["s3:GetObject*", "s3:GetBucket*", "s3:ListBucket"]
    resources = [module.buckets.arns["airflow"], "${module.buckets.arns["airflow"]}/*"]
  }

  statement {
    sid       = "Account"
    actions   = ["s3:GetAccountPublicAccessBlock", "logs:DescribeLogGroups"]
    resources = ["*"]
  }

  statement {
    sid       = "Metrics"
    actions   = ["airflow:PublishMetrics"]
    resources = ["arn:${local.partition}:airflow:${var.region}:${local.account}:environment/${local.environment_name}"]
  }

  # The DAG `maintain` deletes its old runs through Airflow's REST API, with the rights of Airflow's role `User`.
  statement {
    sid       = "Runs"
    actions   = ["airflow:CreateWebLoginToken"]
    resources = ["arn:${local.partition}:airflow:${var.region}:${local.account}:role/${local.environment_name}/User"]
  }

  statement {
    sid       = "CloudWatch"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = ["AmazonMWAA"]
    }
  }

  statement {
    sid = "Logs"
    actions = [
      "logs:CreateLogGroup",
      "logs:CreateLogStream",
      "logs:GetLogEvents",
      "logs:GetLogGroupFields",
      "logs:GetLogRecord",
      "logs:GetQueryResults",
      "logs:PutLogEvents",
    ]
    resources = ["arn:${local.partition}:logs:${var.region}:${local.account}:log-group:airflow-${local.environment_name}-*"]
  }

  # The queue between scheduler and workers belongs to an AWS-owned account.
  statement {
    sid = "Queue"
    actions = [
      "sqs:ChangeMessageVisibility",
      "sqs:DeleteMessage",
      "sqs:GetQueueAttributes",
      "sqs:GetQueueUrl",
      "sqs:ReceiveMessage",
      "sqs:SendMessage",
    ]
    resources = ["arn:${local.partition}:sqs:${var.region}:*:airflow-celery-*"]
  }

  statement {
    sid       = "Key"
    actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey*", "kms:Encrypt"]
    resources = [aws_kms_key.airflow.arn]
  }
}
