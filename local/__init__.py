"""Stand-ins for AWS, Databricks and MWAA on one machine."""
