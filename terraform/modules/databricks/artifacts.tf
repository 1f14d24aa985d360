# The path contains a hash of the content: a new wheel has a new path, so the jobs are updated, and a run in progress
# keeps the files that it started with.
locals {
  # Without files only where they are not needed, in a destroy.
  content   = sha256(join("", [for file in [var.wheel, var.requirements] : fileexists(file) ? filesha256(file) : ""]))
  artifacts = "${databricks_directory.artifacts.path}/${substr(local.content, 0, 12)}"

  # One file with the wheel as well, each line with its hash: pip then refuses whatever has none or another one. What the
  # runtime has satisfies the other dependencies.
  requirements = join("", [
    fileexists(var.requirements) ? file(var.requirements) : "",
    "/Workspace${databricks_workspace_file.wheel.path} --hash=sha256:${fileexists(var.wheel) ? filesha256(var.wheel) : ""}\n",
  ])
  library = "/Workspace${databricks_workspace_file.requirements.path}"
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
  content_base64 = base64encode(local.requirements)
  path           = "${local.artifacts}/requirements.txt"

  lifecycle {
    create_before_destroy = true
  }
}
