"""Records as lines of a file: the smallest sink, and the example for one's own."""
