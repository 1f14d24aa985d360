# The jobs' identity: not a person's account, and without other permissions in the workspace.
resource "databricks_service_principal" "jobs" {
  display_name     = "${var.name}-jobs"
  workspace_access = true
}

# Airflow's identity: views the jobs, starts and cancels their runs.
resource "databricks_service_principal" "airflow" {
  display_name     = "${var.name}-airflow"
  workspace_access = true
}

# The client secret with which Airflow gets tokens of an hour. docs/how-to/upgrade.md says how to rotate it; the old one
# is deleted after Airflow has the new one.
resource "databricks_service_principal_secret" "airflow" {
  service_principal_id = databricks_service_principal.airflow.id
  lifetime             = "${var.airflow_secret_days * 86400}s"

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
