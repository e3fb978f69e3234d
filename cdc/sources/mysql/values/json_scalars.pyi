"""The scalars of MySQL's JSON that are no strings, as compact text; for compiled code only."""
