"""The vocabulary of metrics, what counts them, and their way into Prometheus' formats."""
