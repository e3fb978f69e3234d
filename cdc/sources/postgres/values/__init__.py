"""Decoders of values, whose text is the same in the stream and in COPY."""
