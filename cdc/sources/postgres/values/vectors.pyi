from cdc.sources.columns.values import ValueDecoder

class VectorDecoder(ValueDecoder):
    """Decodes a vector as an array of numbers."""

class SparseVectorDecoder(ValueDecoder):
    """Decodes a sparse vector as its dimensions and a map from index to number, in the order of Java's HashMap, as Debezium writes it."""
