# Airflow monitors the freshness of the data and sends alerts. These alarms cover the cases in which it cannot: they
# depend on neither Airflow nor Databricks.

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
  alarm_description   = "The detector has not written a heartbeat for 10 minutes. Check whether the job is paused and whether its cluster starts. See docs/runbook.md#detector-silent."
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
  alarm_description   = "S3 has answered requests for the lake with 5xx errors for 15 minutes; the jobs retry and fall behind. See docs/runbook.md#lake-refuses."
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

# Wherever Airflow runs, it asks for the master file's size (HEAD) at least once a minute, and nobody else does.
resource "aws_s3_bucket_metric" "source" {
  bucket = var.incoming_bucket
  name   = "source"
}

resource "aws_cloudwatch_metric_alarm" "airflow_silent" {
  alarm_name          = "${var.name}-airflow-silent"
  alarm_description   = "Airflow has not looked at the master file for 10 minutes: nothing is landed, and probably nothing is monitored. See docs/runbook.md#airflow-silent."
  namespace           = "AWS/S3"
  metric_name         = "HeadRequests"
  dimensions          = { BucketName = var.incoming_bucket, FilterId = aws_s3_bucket_metric.source.name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 2
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.alerts.arn]
  ok_actions          = [aws_sns_topic.alerts.arn]
}

# A dead scheduler cannot run the DAG that would report it. In MWAA its own metric says so, even while people look at the page.
resource "aws_cloudwatch_metric_alarm" "scheduler_dead" {
  count = var.mwaa_environment == null ? 0 : 1

  alarm_name          = "${var.name}-scheduler-dead"
  alarm_description   = "The Airflow scheduler has not sent a heartbeat for 10 minutes: nothing is landed and nothing is monitored. See docs/runbook.md#scheduler-dead."
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
