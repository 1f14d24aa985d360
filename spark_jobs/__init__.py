"""The two Spark jobs of the transaction pattern pipeline, and what they share."""

__version__ = "0.1.0"
