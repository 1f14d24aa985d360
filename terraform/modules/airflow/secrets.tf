# Connections and variables in the layout of Airflow's Secrets Manager backend, so that nobody copies them by hand.

locals {
  prefix = "${var.name}/airflow"
  # The ids contain the environment, so that an Airflow with other connections can have them, too. The DAGs fall back to
  # the alert connection when their variable cannot be read, so its id is fixed.
  alert_connection      = "transaction_patterns_alerts"
  aws_connection        = "${replace(var.name, "-", "_")}_aws"
  databricks_connection = "${replace(var.name, "-", "_")}_databricks"

  # MWAA runs under the role; an existing Airflow assumes it.
  assumes_role = var.mwaa == null
  aws_extra    = merge({ region_name = var.region }, local.assumes_role ? { role_arn = var.role.arn } : {})

  settings = merge(var.settings, {
    databricks_connection = local.databricks_connection
    alert_connection      = local.alert_connection
    aws_connection        = local.assumes_role ? local.aws_connection : ""
    mwaa_environment      = var.mwaa == null ? "" : local.environment_name
  })

  # What is not secret: a plan shows its changes.
  readable = merge(
    {
      "variables/transaction_patterns" = local.settings
      "connections/${local.alert_connection}" = {
        conn_type = "aws"
        extra     = merge(local.aws_extra, { topic_arn = var.topic_arn })
      }
    },
    local.assumes_role ? { "connections/${local.aws_connection}" = { conn_type = "aws", extra = local.aws_extra } } : {},
  )
  databricks_secret = "connections/${local.databricks_connection}"
  databricks = jsonencode({
    conn_type = "databricks"
    host      = var.databricks.host
    login     = var.databricks.client_id
    password  = var.databricks.client_secret
    extra     = { service_principal_oauth = true }
  })

  # The lookup patterns match only these secrets: each lookup costs money and time, and the DAGs run every few seconds.
  backend = "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend"
  backend_arguments = merge(local.aws_extra, {
    connections_prefix         = "${local.prefix}/connections"
    connections_lookup_pattern = "^(${local.databricks_connection}|${local.alert_connection}|${local.aws_connection})$"
    variables_prefix           = "${local.prefix}/variables"
    variables_lookup_pattern   = "^transaction_patterns$"
    config_prefix              = null
  })
}

resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV2_AWS_57:Only Terraform can renew Airflow's OAuth secret; the other values are not secret
  for_each = toset(concat(keys(local.readable), [local.databricks_secret]))

  name                    = "${local.prefix}/${each.value}"
  kms_key_id              = aws_kms_key.airflow.arn
  recovery_window_in_days = var.secret_recovery_days
}

resource "aws_secretsmanager_secret_version" "this" {
  for_each = local.readable

  secret_id     = aws_secretsmanager_secret.this[each.key].id
  secret_string = jsonencode(each.value)
}

# Write-only, so that it is not in the state; the version, part of a hash, changes with the value.
resource "aws_secretsmanager_secret_version" "databricks" {
  secret_id                = aws_secretsmanager_secret.this[local.databricks_secret].id
  secret_string_wo         = local.databricks
  secret_string_wo_version = nonsensitive(parseint(substr(sha256(local.databricks), 0, 7), 16))
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
