"""Golden cases: what Debezium wrote for a database, a configuration and some SQL, against what we write for the same.

A case is a folder: `setup.sql` runs before the connector, `connector.json` holds its properties, `steps.sql` runs once it
streams, `expected.jsonl` is what a reader of Kafka finds, normalised. `golden.json` may say what is compared and how.
"""
