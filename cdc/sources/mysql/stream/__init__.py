"""From the log to batches of committed changes."""
