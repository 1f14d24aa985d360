"""Bucket and keys in the S3 of the local stack."""

BUCKET = "transactions"
SOURCE_KEY, IMPORTANCE_KEY, LAKE_KEY = "transactions.csv", "CustomerImportance.csv", "lake"
SOURCE_URL, IMPORTANCE_URL, LAKE_URL = (f"s3://{BUCKET}/{key}" for key in (SOURCE_KEY, IMPORTANCE_KEY, LAKE_KEY))
