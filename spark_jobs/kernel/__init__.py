"""The totals of pairs and merchants in memory: numpy and pyarrow, no IO, no clock, no Spark."""
