data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  # The master file has its own, unversioned bucket: it is replaced as a whole each time it grows, so the old versions
  # of one day would be thousands of times its size. Every line of it is in the landing zone.
  buckets = {
    for key in ["incoming", "lake", "logs"] : key => {
      name          = "${var.name}-${key}-${data.aws_caller_identity.current.account_id}"
      versioned     = key == "lake"
      force_destroy = !var.protect_data || key == "logs"
    }
  }
  source_key     = "transactions.csv"
  importance_key = "CustomerImportance.csv"
  lake_prefix    = "lake"
  smoke_prefix   = "smoke"
  logs_prefix    = "clusters"
}

resource "aws_kms_key" "lake" {
  description             = "${var.name}: lake data"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.lake_key.json
}

resource "aws_kms_alias" "lake" {
  name          = "alias/${var.name}-lake"
  target_key_id = aws_kms_key.lake.key_id
}

# The policies of the roles grant the use of the key.
data "aws_iam_policy_document" "lake_key" {
  #checkov:skip=CKV_AWS_109:A key policy applies to its own key only; without the account's root nobody could manage the key again
  #checkov:skip=CKV_AWS_111:See CKV_AWS_109
  #checkov:skip=CKV_AWS_356:See CKV_AWS_109
  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"]
    }
  }
}

# Refers to the key, which is therefore deleted after the buckets: if one cannot be deleted, its data stays readable.
module "buckets" {
  source  = "../private_buckets"
  buckets = { for key, bucket in local.buckets : key => merge(bucket, { kms_key_arn = aws_kms_key.lake.arn }) }
}

# Makes any plan that destroys or replaces the buckets fail before it changes anything. docs/how-to/remove.md describes
# how to remove the protection.
resource "terraform_data" "protection" {
  count            = var.protect_data ? 1 : 0
  triggers_replace = [for name in ["incoming", "lake"] : module.buckets.ids[name]]

  lifecycle {
    prevent_destroy = true
  }
}
