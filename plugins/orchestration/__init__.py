"""What the DAGs stand on: pure decisions about the pipeline, and thin access to S3, Databricks and alert channels."""
