"""The column that chunks, state tables and their commits share, and the values of a column that have a meaning."""

# The ordinal of a transaction in the master file, from 0: the coordinate of everything that is stored.
LINE = "line"

# All others count as neither.
KNOWN_GENDERS = ("F", "M")
