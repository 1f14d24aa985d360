# Where releases before 1.1 had the buckets, so that an upgrade keeps them.
moved {
  from = aws_s3_bucket.state
  to   = module.buckets.aws_s3_bucket.this["state"]
}

moved {
  from = aws_s3_bucket_server_side_encryption_configuration.state
  to   = module.buckets.aws_s3_bucket_server_side_encryption_configuration.this["state"]
}

moved {
  from = aws_s3_bucket_public_access_block.state
  to   = module.buckets.aws_s3_bucket_public_access_block.this["state"]
}

moved {
  from = aws_s3_bucket_versioning.state
  to   = module.buckets.aws_s3_bucket_versioning.this["state"]
}

moved {
  from = aws_s3_bucket_policy.tls_only
  to   = module.buckets.aws_s3_bucket_policy.this["state"]
}
