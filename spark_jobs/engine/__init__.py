"""Spark itself: the session, and Delta tables that Spark reads and writes."""
