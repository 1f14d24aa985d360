# The wheel lies under its own content: another one is another path, so the jobs see that it has changed, and a run that
# has begun keeps what it began with.
locals {
  content   = sha256("${filesha256(var.wheel)}${filesha256(var.requirements)}")
  artifacts = "${databricks_directory.artifacts.path}/${substr(local.content, 0, 12)}"

  libraries = {
    requirements = "/Workspace${databricks_workspace_file.requirements.path}"
    whl          = "/Workspace${databricks_workspace_file.wheel.path}"
  }
}

# Not under /Shared, where everybody may write.
resource "databricks_directory" "artifacts" {
  path             = "/${var.name}"
  delete_recursive = true
}

resource "databricks_permissions" "artifacts" {
  directory_path = databricks_directory.artifacts.path

  access_control {
    service_principal_name = databricks_service_principal.jobs.application_id
    permission_level       = "CAN_READ"
  }
}

resource "databricks_workspace_file" "wheel" {
  source = var.wheel
  path   = "${local.artifacts}/${basename(var.wheel)}"

  lifecycle {
    create_before_destroy = true
  }
}

resource "databricks_workspace_file" "requirements" {
  source = var.requirements
  path   = "${local.artifacts}/requirements.txt"

  lifecycle {
    create_before_destroy = true
  }
}
