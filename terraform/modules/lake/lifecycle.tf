# Lifecycle rules never touch a current object of the lake, because the pipeline implements its own retention:
#
# - landing_zone/, quarantine/: the job maintain_state deletes objects below the committed line. A rule considers only
#   the age: if the detector were down for days, it would delete chunks that are not in the state yet.
# - state/: a file of a Delta table is garbage when the log says so, not when it is old. VACUUM deletes it.
# - what_if/: the job maintain_state deletes old reports.
# - detections/: files of 50 rows, about 5 kB. S3 does not move objects below 128 kB to archive classes.
# - offset.csv: one object. Checkpoints are on the driver's disk, not in S3.
#
# The rules expire old versions of overwritten or deleted objects, and abort incomplete uploads.
resource "aws_s3_bucket_lifecycle_configuration" "lake" {
  bucket = module.buckets.ids["lake"]

  rule {
    id     = "old-versions"
    status = "Enabled"
    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.old_version_days
    }

    # Delete markers without any remaining version.
    expiration {
      expired_object_delete_marker = true
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  # Overwritten once a second, after which the old version is useless.
  rule {
    id     = "old-heartbeats"
    status = "Enabled"

    filter {
      prefix = "${local.lake_prefix}/state/detector.json"
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }
  }

  depends_on = [module.buckets]
}

resource "aws_s3_bucket_lifecycle_configuration" "incoming" {
  bucket = module.buckets.ids["incoming"]

  # The master file is uploaded in parts.
  rule {
    id     = "unfinished-uploads"
    status = "Enabled"
    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "logs" {
  bucket = module.buckets.ids["logs"]

  rule {
    id     = "old-logs"
    status = "Enabled"
    filter {}

    expiration {
      days = var.log_days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}
