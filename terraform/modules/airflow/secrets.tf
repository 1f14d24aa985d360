# Connections and variables in the layout of Airflow's Secrets Manager backend, so that nobody copies them by hand.

locals {
  prefix           = "${var.name}/airflow"
  alert_connection = "transaction_patterns_alerts"
  aws_connection   = "transaction_patterns_aws"

  # MWAA runs under the role; an existing Airflow assumes it.
  assumes_role = var.mwaa == null
  aws_extra    = merge({ region_name = var.region }, local.assumes_role ? { role_arn = var.role.arn } : {})

  settings = merge(var.settings, {
    databricks_connection = "databricks_default"
    alert_connection      = local.alert_connection
    aws_connection        = local.assumes_role ? local.aws_connection : ""
  })

  # Listed by name, because the keys of a for_each cannot be sensitive.
  secret_names = concat(
    ["variables/transaction_patterns", "connections/databricks_default", "connections/${local.alert_connection}"],
    local.assumes_role ? ["connections/${local.aws_connection}"] : [],
  )
  secrets = {
    "variables/transaction_patterns" = local.settings
    "connections/databricks_default" = {
      conn_type = "databricks"
      host      = var.databricks.host
      password  = var.databricks.token
    }
    "connections/${local.alert_connection}" = {
      conn_type = "aws"
      extra     = merge(local.aws_extra, { topic_arn = var.topic_arn })
    }
    "connections/${local.aws_connection}" = {
      conn_type = "aws"
      extra     = local.aws_extra
    }
  }

  # The lookup patterns match only these secrets: each lookup costs money and time, and the DAGs run every few seconds.
  backend = "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend"
  backend_arguments = merge(local.aws_extra, {
    connections_prefix         = "${local.prefix}/connections"
    connections_lookup_pattern = "^(databricks_default|${local.alert_connection}|${local.aws_connection})$"
    variables_prefix           = "${local.prefix}/variables"
    variables_lookup_pattern   = "^transaction_patterns$"
    config_prefix              = null
  })
}

resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV2_AWS_57:Only Terraform can renew Airflow's token; the other values are not secret
  for_each = toset(local.secret_names)

  name                    = "${local.prefix}/${each.value}"
  kms_key_id              = aws_kms_key.airflow.arn
  recovery_window_in_days = var.secret_recovery_days
}

resource "aws_secretsmanager_secret_version" "this" {
  for_each = aws_secretsmanager_secret.this

  secret_id     = each.value.id
  secret_string = jsonencode(local.secrets[each.key])
}

resource "aws_iam_role_policy" "secrets" {
  name   = "secrets"
  role   = var.role.name
  policy = data.aws_iam_policy_document.secrets.json
}

data "aws_iam_policy_document" "secrets" {
  statement {
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [for secret in aws_secretsmanager_secret.this : secret.arn]
  }

  statement {
    actions   = ["kms:Decrypt"]
    resources = [aws_kms_key.airflow.arn]
  }
}
