"""The command `rules`, which publishes and shows versions of a lake's rules."""
