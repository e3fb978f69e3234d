"""Decoders of values, from row images and from the text of a SELECT."""
