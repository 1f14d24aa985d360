# The jobs' identity: not a person's account, and without other permissions in the workspace.
resource "databricks_service_principal" "jobs" {
  display_name     = "${var.name}-jobs"
  workspace_access = true
}

# Airflow's identity: views the jobs, starts and cancels their runs, and unpauses the detector.
resource "databricks_service_principal" "airflow" {
  display_name     = "${var.name}-airflow"
  workspace_access = true
}

# Renew it with `terraform apply -replace=module.databricks.databricks_obo_token.airflow`.
resource "databricks_obo_token" "airflow" {
  application_id   = databricks_service_principal.airflow.application_id
  comment          = "Airflow of ${var.name}"
  lifetime_seconds = var.token_days * 86400

  lifecycle {
    create_before_destroy = true
  }
}

resource "databricks_instance_profile" "jobs" {
  instance_profile_arn = var.instance_profile_arn
}

# Only principals with this role can start clusters with the instance profile.
resource "databricks_service_principal_role" "jobs" {
  service_principal_id = databricks_service_principal.jobs.id
  role                 = databricks_instance_profile.jobs.id
}

resource "databricks_secret_scope" "jobs" {
  name = var.name
}

resource "databricks_secret" "environment" {
  for_each = nonsensitive(toset(keys(var.secret_environment)))

  scope        = databricks_secret_scope.jobs.name
  key          = each.value
  string_value = var.secret_environment[each.value]
}

resource "databricks_secret_acl" "jobs" {
  scope      = databricks_secret_scope.jobs.name
  principal  = databricks_service_principal.jobs.application_id
  permission = "READ"
}
