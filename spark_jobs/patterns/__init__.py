"""Patterns: their grammar, the built-in rules, and their evaluation at the end of each chunk."""
