from cdc.sources.columns.values import ValueDecoder

class DecimalDecoder(ValueDecoder):
    """Decodes numeric as Connect's Decimal of a fixed scale, which may be negative."""

    def __init__(self, scale: int) -> None: ...

class VariableDecimalDecoder(ValueDecoder):
    """Decodes numeric without a declared scale: each value has its own, with zeros at the end of the fraction left out."""

class NumericTextDecoder(ValueDecoder):
    """Decodes numeric under decimal.handling.mode string: the server's digits, and Debezium's words for NaN and the infinities."""
