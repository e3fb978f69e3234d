"""The tables as they are, in one consistent view that has a place in the log."""
