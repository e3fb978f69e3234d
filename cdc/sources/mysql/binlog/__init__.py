"""What stands in the log, as values: its events and rows' bounds, transaction identifiers, places and positions. No input or output."""
