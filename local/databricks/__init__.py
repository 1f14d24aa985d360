"""A local Databricks: a server of the Jobs API 2.1 and 2.2 that runs the jobs as processes on this machine."""
