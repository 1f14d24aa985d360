output "schema" {
  description = "Full name of the schema with the views pairs, merchants and detections."
  value       = databricks_schema.state.id
}
