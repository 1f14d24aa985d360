"""Keeps the lake small: compacts the state, and deletes files, chunks and quarantine that are no longer needed."""
