"""What stands in the way of a MySQL connector, before it starts."""
