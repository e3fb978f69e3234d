"""The state of a cluster of workers, as computed from its compacted topics: configurations, statuses, and who runs what; no I/O."""
