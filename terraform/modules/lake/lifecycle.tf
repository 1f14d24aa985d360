# Lifecycle rules never touch a current object. The pipeline keeps its own retention, which they could only break:
#
# - landing_zone/, quarantine/: the job maintain_state deletes them, below the committed line only. A rule goes by age
#   alone: after some days of a stopped detector it would delete chunks that are not in the state yet.
# - state/: a file of a Delta table is garbage when the log says so, not when it is old. VACUUM deletes it.
# - detections/: files of 50 rows, about 5 kB. Archive classes bill 128 kB for each, and S3 does not move smaller ones.
# - offset.csv: one object. Checkpoints lie on the driver's own disk, never here.
#
# What is left to them: old versions of what was overwritten or deleted, and uploads that nobody finished.
resource "aws_s3_bucket_lifecycle_configuration" "lake" {
  bucket = aws_s3_bucket.this["lake"].id

  rule {
    id     = "old-versions"
    status = "Enabled"
    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.old_version_days
    }

    # Delete markers whose object has no version left.
    expiration {
      expired_object_delete_marker = true
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  # Overwritten once a second, and of use for no longer than that.
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

  depends_on = [aws_s3_bucket_versioning.lake]
}

resource "aws_s3_bucket_lifecycle_configuration" "incoming" {
  bucket = aws_s3_bucket.this["incoming"].id

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
