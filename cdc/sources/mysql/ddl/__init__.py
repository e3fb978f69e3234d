"""Table definitions, and what statements make of them."""
