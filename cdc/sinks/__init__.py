"""Where records can go besides Kafka: sink connectors."""
