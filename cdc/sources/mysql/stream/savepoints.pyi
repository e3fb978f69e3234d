"""What a transaction has put into a batch, up to each of its savepoints."""

class Savepoints:
    """The savepoints of one transaction in one batch; for compiled code alone."""
