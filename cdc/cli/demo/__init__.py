"""`cdc-stream demo`: a small shop on a real PostgreSQL, its changes in a real Kafka, and the account of both."""
