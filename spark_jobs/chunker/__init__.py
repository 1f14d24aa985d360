"""Mechanism X: lands the next lines of the master file as a chunk."""
