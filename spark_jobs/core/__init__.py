"""Pure logic: no IO, no clock, no Spark, no client. Everything it needs is handed in."""
