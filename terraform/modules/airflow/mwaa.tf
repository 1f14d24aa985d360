# The MWAA environment, unless an existing Airflow is used.

resource "aws_mwaa_environment" "this" {
  #checkov:skip=CKV_AWS_242:Worker logs are enabled below
  count = var.mwaa == null ? 0 : 1

  name                  = local.environment_name
  airflow_version       = var.mwaa.airflow_version
  environment_class     = var.mwaa.environment_class
  min_workers           = var.mwaa.min_workers
  max_workers           = var.mwaa.max_workers
  schedulers            = var.mwaa.schedulers
  min_webservers        = var.mwaa.min_webservers
  max_webservers        = var.mwaa.max_webservers
  execution_role_arn    = var.role.arn
  kms_key               = aws_kms_key.airflow.arn
  webserver_access_mode = var.mwaa.public_webserver ? "PUBLIC_ONLY" : "PRIVATE_ONLY"

  weekly_maintenance_window_start = var.mwaa.maintenance_window

  source_bucket_arn              = module.buckets.arns["airflow"]
  dag_s3_path                    = "dags/"
  plugins_s3_path                = aws_s3_object.plugins[0].key
  plugins_s3_object_version      = aws_s3_object.plugins[0].version_id
  requirements_s3_path           = aws_s3_object.requirements[0].key
  requirements_s3_object_version = aws_s3_object.requirements[0].version_id

  startup_script_s3_path           = one(aws_s3_object.startup_script[*].key)
  startup_script_s3_object_version = one(aws_s3_object.startup_script[*].version_id)

  airflow_configuration_options = merge(local.airflow_options, {
    "secrets.backend"        = local.backend
    "secrets.backend_kwargs" = jsonencode(local.backend_arguments)
    # 17,280 runs a day log them; this environment runs nothing else.
    "logging.namespace_levels" = "airflow.dag_processing=warning airflow.providers.amazon.aws=warning py.warnings=error"
  })

  network_configuration {
    security_group_ids = [aws_security_group.airflow[0].id]
    subnet_ids         = aws_subnet.private[*].id
  }

  logging_configuration {
    dag_processing_logs {
      enabled   = true
      log_level = "WARNING"
    }

    scheduler_logs {
      enabled   = true
      log_level = "WARNING"
    }

    task_logs {
      enabled   = true
      log_level = "INFO"
    }

    webserver_logs {
      enabled   = true
      log_level = "WARNING"
    }

    worker_logs {
      enabled   = true
      log_level = "WARNING"
    }
  }

  depends_on = [
    aws_cloudwatch_log_group.airflow,
    aws_iam_role_policy.mwaa,
    aws_iam_role_policy.secrets,
    aws_route.to_internet,
    aws_s3_object.dags,
  ]
}

# MWAA would create them without a limit on their age.
resource "aws_cloudwatch_log_group" "airflow" {
  for_each = var.mwaa == null ? toset([]) : toset(["DAGProcessing", "Scheduler", "Task", "WebServer", "Worker"])

  name              = "airflow-${local.environment_name}-${each.key}"
  retention_in_days = var.log_days
  kms_key_id        = aws_kms_key.airflow.arn
}

module "buckets" {
  source = "../private_buckets"

  buckets = var.mwaa == null ? {} : {
    airflow = {
      name          = "${var.name}-airflow-${local.account}"
      kms_key_arn   = aws_kms_key.airflow.arn
      versioned     = true
      force_destroy = true
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "airflow" {
  count  = var.mwaa == null ? 0 : 1
  bucket = module.buckets.ids["airflow"]

  rule {
    id     = "old-versions"
    status = "Enabled"
    filter {}

    noncurrent_version_expiration {
      noncurrent_days = 90
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  depends_on = [module.buckets]
}

locals {
  # Null without a file, so that a destroy does not need what `make dist` builds.
  hashes = { for name in ["plugins_zip", "requirements"] : name => fileexists(var.files[name]) ? filemd5(var.files[name]) : null }
}

resource "aws_s3_object" "startup_script" {
  count = try(var.mwaa.startup_script, null) == null ? 0 : 1

  bucket      = module.buckets.ids["airflow"]
  key         = "startup.sh"
  source      = var.mwaa.startup_script
  source_hash = filemd5(var.mwaa.startup_script)

  depends_on = [module.buckets]
}

resource "aws_s3_object" "dags" {
  for_each = var.mwaa == null ? toset([]) : fileset(var.files.dags, "*.py")

  bucket      = module.buckets.ids["airflow"]
  key         = "dags/${each.value}"
  source      = "${var.files.dags}/${each.value}"
  source_hash = filemd5("${var.files.dags}/${each.value}")

  depends_on = [module.buckets]
}

resource "aws_s3_object" "plugins" {
  count = var.mwaa == null ? 0 : 1

  bucket      = module.buckets.ids["airflow"]
  key         = "plugins.zip"
  source      = var.files.plugins_zip
  source_hash = local.hashes.plugins_zip

  depends_on = [module.buckets]
}

resource "aws_s3_object" "requirements" {
  count = var.mwaa == null ? 0 : 1

  bucket      = module.buckets.ids["airflow"]
  key         = "requirements.txt"
  source      = var.files.requirements
  source_hash = local.hashes.requirements

  depends_on = [module.buckets]
}
