# Where releases before 1.1 had the buckets, so that an upgrade keeps them.
moved {
  from = aws_s3_bucket.airflow[0]
  to   = module.buckets.aws_s3_bucket.this["airflow"]
}

moved {
  from = aws_s3_bucket_server_side_encryption_configuration.airflow[0]
  to   = module.buckets.aws_s3_bucket_server_side_encryption_configuration.this["airflow"]
}

moved {
  from = aws_s3_bucket_public_access_block.airflow[0]
  to   = module.buckets.aws_s3_bucket_public_access_block.this["airflow"]
}

moved {
  from = aws_s3_bucket_versioning.airflow[0]
  to   = module.buckets.aws_s3_bucket_versioning.this["airflow"]
}

moved {
  from = aws_s3_bucket_policy.tls_only[0]
  to   = module.buckets.aws_s3_bucket_policy.this["airflow"]
}
