from cdc.sources.columns.values import ValueDecoder

class DateDecoder(ValueDecoder):
    """Decodes a date as days since 1970-01-01."""

class IsoDateDecoder(ValueDecoder):
    """Decodes a date as `2017-09-15Z`; the infinities keep PostgreSQL's words."""

class TimeDecoder(ValueDecoder):
    """Decodes a time of the day as a number since midnight: of milli- (`digits` 3), micro- (6) or nanoseconds (9); 24:00:00 is a whole day.

    `resolution`, in microseconds, is what the value is cut to.
    """

    def __init__(self, digits: int, resolution: int = 1) -> None: ...

class IsoTimeDecoder(ValueDecoder):
    """Decodes a time of the day as `04:05:11.789Z`, cut to a multiple of `resolution` microseconds."""

    def __init__(self, resolution: int = 1) -> None: ...

class ZonedTimeDecoder(ValueDecoder):
    """Decodes time with time zone as the time in UTC, `11:51:30.123789Z`."""

class MillisDecoder(ValueDecoder):
    """Decodes a timestamp as milliseconds since the epoch, rounded down."""

class MicrosDecoder(ValueDecoder):
    """Decodes a timestamp as microseconds since the epoch."""

class NanosDecoder(ValueDecoder):
    """Decodes a timestamp as nanoseconds since the epoch, which reach from 1677 to 2262; the infinities are the ends of 64 bits."""

class IsoTimestampDecoder(ValueDecoder):
    """Decodes a timestamp as `2019-07-09T02:28:57.123456Z`; the infinities keep PostgreSQL's words.

    With `zoned`, the value has a zone and becomes the time in UTC. The fraction has at least `digits` digits.
    """

    def __init__(self, digits: int = 0, zoned: bool = False) -> None: ...
