"""Lines of a file as records: the smallest source, and the example for one's own."""
