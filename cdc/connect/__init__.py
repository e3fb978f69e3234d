"""The runtime: connectors and their tasks on a worker, with Kafka Connect's REST API and words."""
