"""The jobs of the transaction pattern pipeline: chunker, detector and maintenance."""

__version__ = "1.0.0"
