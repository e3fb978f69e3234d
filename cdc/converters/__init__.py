"""Encoders of changes into Kafka records: JSON, as Kafka Connect's converter writes it."""
