from cdc.sources.columns.values import ValueDecoder

class StructuredDateDecoder(ValueDecoder):
    """Decodes a date as year (0 is 1 BC), month and day, or the word of an infinity."""

class StructuredTimeDecoder(ValueDecoder):
    """Decodes a time of the day as hour, minute, second, nanoseconds and the column's `precision`.

    `resolution`, in microseconds, is what the value is cut to. Debezium has no value for 24:00:00 there.
    """

    def __init__(self, precision: int, resolution: int = 1) -> None: ...

class StructuredZonedTimeDecoder(ValueDecoder):
    """Decodes time with time zone as it is stored: hour (24 too), minute, second, nanoseconds, seconds east of Greenwich, `precision`."""

    def __init__(self, precision: int) -> None: ...

class StructuredTimestampDecoder(ValueDecoder):
    """Decodes a timestamp as date, clock, the word of an infinity and the column's `precision`.

    With `zoned`, the value has a zone and becomes the time in UTC, with the zone's seconds (0) and name (`Z`) behind the clock.
    """

    def __init__(self, precision: int, zoned: bool = False) -> None: ...

class StructuredDurationDecoder(ValueDecoder):
    """Decodes an interval as years, months, days, hours, minutes, seconds, nanoseconds and the column's `precision`."""

    def __init__(self, precision: int) -> None: ...
