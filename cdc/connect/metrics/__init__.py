"""What a worker says of itself: its metrics, and its health."""
