"""From the definitions of tables to the schemas and decoders of their rows, under a connector's settings."""
