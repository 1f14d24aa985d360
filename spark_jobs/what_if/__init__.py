"""What-if: what other rules would have found in chunks that have landed, compared with what was found."""
