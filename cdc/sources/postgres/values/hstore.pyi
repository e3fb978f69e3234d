from cdc.sources.columns.values import ValueDecoder

class HstoreMapDecoder(ValueDecoder):
    """Decodes hstore as a map from strings to strings or nulls, in the order of Java's HashMap, as Debezium writes it."""

class HstoreJsonDecoder(ValueDecoder):
    """Decodes hstore as the text of a JSON object, in the order of Java's HashMap, as Debezium writes it."""
