"""The column that chunks, state tables and their commits share."""

# The ordinal of a transaction in the master file, from 0: the coordinate of everything that is stored.
LINE = "line"
