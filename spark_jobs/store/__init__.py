"""Thin clients of object storage and Delta tables."""
