"""The tables as they are, read by COPY in one consistent view that has a place in the log."""
