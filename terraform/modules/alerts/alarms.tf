# Airflow measures how fresh the data are, and tells. These alarms are for when it cannot: they depend neither on Airflow
# nor on Databricks.

resource "aws_s3_bucket_metric" "heartbeat" {
  bucket = var.bucket
  name   = "heartbeat"

  filter {
    prefix = var.heartbeat_key
  }
}

resource "aws_s3_bucket_metric" "lake" {
  bucket = var.bucket
  name   = "lake"
}

resource "aws_cloudwatch_metric_alarm" "detector_silent" {
  alarm_name          = "${var.name}-detector-silent"
  alarm_description   = "The detector has not written its heartbeat for 10 minutes: is the job paused, does the cluster start? See docs/runbook.md#detector-silent."
  namespace           = "AWS/S3"
  metric_name         = "PutRequests"
  dimensions          = { BucketName = var.bucket, FilterId = aws_s3_bucket_metric.heartbeat.name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 2
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
}

resource "aws_cloudwatch_metric_alarm" "lake_refuses" {
  alarm_name          = "${var.name}-lake-refuses"
  alarm_description   = "S3 has answered requests for the lake with errors of its own for 15 minutes; the jobs retry, and fall behind. See docs/runbook.md#lake-refuses."
  namespace           = "AWS/S3"
  metric_name         = "5xxErrors"
  dimensions          = { BucketName = var.bucket, FilterId = aws_s3_bucket_metric.lake.name }
  statistic           = "Average"
  period              = 300
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0.05
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
}

# Who watches the watchman: a dead scheduler runs no DAG that could tell.
resource "aws_cloudwatch_metric_alarm" "scheduler_dead" {
  count = var.mwaa_environment == null ? 0 : 1

  alarm_name          = "${var.name}-scheduler-dead"
  alarm_description   = "Airflow's scheduler has had no heartbeat for 10 minutes: nothing is landed, nobody watches. See docs/runbook.md#scheduler-dead."
  namespace           = "AmazonMWAA"
  metric_name         = "SchedulerHeartbeat"
  dimensions          = { Function = "Scheduler", Environment = var.mwaa_environment }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 2
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
}
