"""cdc-stream: committed row changes of a database as Kafka records, exactly once."""
