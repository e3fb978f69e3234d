"""Kafka: the one room that touches aiokafka."""
