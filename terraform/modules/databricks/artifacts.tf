# The path contains a hash of the content: a new wheel has a new path, so the jobs are updated, and a run in progress
# keeps the files that it started with.
locals {
  # Without files only where they are not needed, in a destroy.
  content   = sha256(join("", [for file in [var.wheel, var.requirements] : fileexists(file) ? filesha256(file) : ""]))
  artifacts = "${databricks_directory.artifacts.path}/${substr(local.content, 0, 12)}"

  libraries = {
    requirements = "/Workspace${databricks_workspace_file.requirements.path}"
    whl          = "/Workspace${databricks_workspace_file.wheel.path}"
  }
}

# Not under /Shared, where every user can write.
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
