"""What the log says beside its rows, as values: tables, messages, timelines, places and positions. No input or output."""
