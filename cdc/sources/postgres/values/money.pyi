from cdc.sources.columns.values import ValueDecoder

class MoneyDecoder(ValueDecoder):
    """Decodes money; `number` decodes the amount, which has two digits behind the point."""

    def __init__(self, number: ValueDecoder) -> None: ...

class RoundedMoneyDecoder(ValueDecoder):
    """Decodes money as Connect's Decimal of a scale below 2, rounded half up: away from zero."""

    def __init__(self, scale: int) -> None: ...
