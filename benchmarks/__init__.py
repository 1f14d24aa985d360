"""Benchmarks: `make bench`. Comparisons with other engines are measured in the same run."""
