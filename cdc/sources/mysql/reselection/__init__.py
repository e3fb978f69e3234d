"""Values that the log left out, read again from the server."""
