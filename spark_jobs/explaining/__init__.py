"""The command `explain`, which shows why a pattern holds or does not hold."""
