"""From a column's type to its schema and the decoder of its values, under a connector's settings."""
