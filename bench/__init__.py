"""Measured workloads: cdc-stream beside the raw limit, in one run. `make bench` prints the table."""
