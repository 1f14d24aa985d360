"""Keeps the lake small: one row a pair, no files that nothing refers to, no chunk longer than it is needed."""
