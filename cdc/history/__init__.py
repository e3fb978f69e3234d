"""What the tables of a source looked like, and when they changed."""
