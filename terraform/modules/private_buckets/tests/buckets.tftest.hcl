# Run by tests/integration/terraform/test_modules.py, or with `terraform test` in this module.
mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
}

variables {
  buckets = {
    ours  = { name = "ours", kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/k", versioned = true }
    plain = { name = "plain" }
  }
}

run "no_bucket_can_be_public_or_without_an_owner" {
  assert {
    condition = alltrue([
      for block in aws_s3_bucket_public_access_block.this :
      block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets
    ]) && length(aws_s3_bucket_public_access_block.this) == 2
    error_message = "a bucket can become public"
  }

  assert {
    condition     = toset([for one in aws_s3_bucket_ownership_controls.this : one.rule[0].object_ownership]) == toset(["BucketOwnerEnforced"])
    error_message = "a bucket has ACLs"
  }
}

run "requests_without_tls_are_denied" {
  assert {
    condition = alltrue([
      for key, document in data.aws_iam_policy_document.tls_only :
      document.statement[0].effect == "Deny" && toset(document.statement[0].resources) == toset(["arn:aws:s3:::${key}", "arn:aws:s3:::${key}/*"])
    ]) && keys(aws_s3_bucket_policy.this) == ["ours", "plain"]
    error_message = "a bucket answers without TLS"
  }
}

run "objects_are_encrypted_with_the_given_key_or_that_of_s3" {
  assert {
    condition = {
      for key, conf in aws_s3_bucket_server_side_encryption_configuration.this :
      key => one(conf.rule[*]).apply_server_side_encryption_by_default[0].sse_algorithm
    } == { ours = "aws:kms", plain = "AES256" }
    error_message = "a bucket is encrypted otherwise"
  }
}

run "only_a_versioned_bucket_keeps_old_versions" {
  assert {
    condition     = keys(aws_s3_bucket_versioning.this) == ["ours"]
    error_message = "another bucket keeps old versions"
  }
}
