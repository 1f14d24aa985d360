"""The jobs of the transaction pattern pipeline: chunker, detector and maintenance."""

from importlib.metadata import version

__version__ = version("transaction-patterns")
