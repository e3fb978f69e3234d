"""What stands in the way at Kafka, looked at before a connector starts: facts read from the brokers once, and findings that are made of them."""
