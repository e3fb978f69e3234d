"""The definitions as the log moves along: tracked, told to the schema changes topic, and found again after a restart."""
