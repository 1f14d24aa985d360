"""Measured claims: `make bench`. Ratios in one run wherever there is a peer."""
