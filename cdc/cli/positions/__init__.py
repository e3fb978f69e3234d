"""The work of `cdc-stream offsets`."""
