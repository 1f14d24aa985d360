output "topic_arn" {
  description = "ARN of the topic of all alerts."
  value       = aws_sns_topic.alerts.arn
}
