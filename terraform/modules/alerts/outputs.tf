output "topic_arn" {
  description = "ARN of the topic for all alerts."
  value       = aws_sns_topic.alerts.arn
}
