# Where releases before 1.1 had the buckets, so that an upgrade keeps them.
moved {
  from = aws_s3_bucket.this
  to   = module.buckets.aws_s3_bucket.this
}

moved {
  from = aws_s3_bucket_server_side_encryption_configuration.this
  to   = module.buckets.aws_s3_bucket_server_side_encryption_configuration.this
}

moved {
  from = aws_s3_bucket_public_access_block.this
  to   = module.buckets.aws_s3_bucket_public_access_block.this
}

moved {
  from = aws_s3_bucket_ownership_controls.this
  to   = module.buckets.aws_s3_bucket_ownership_controls.this
}

moved {
  from = aws_s3_bucket_policy.tls_only
  to   = module.buckets.aws_s3_bucket_policy.this
}

moved {
  from = aws_s3_bucket_versioning.lake
  to   = module.buckets.aws_s3_bucket_versioning.this["lake"]
}
