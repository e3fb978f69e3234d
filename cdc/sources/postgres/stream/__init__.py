"""From the replication stream to batches of committed changes."""
