"""The thin edge to object storage and Delta tables."""
