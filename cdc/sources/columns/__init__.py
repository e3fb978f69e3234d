"""What sources have in common between the bytes of a column and its cell: decoders, their order in a row, and what hides values."""
