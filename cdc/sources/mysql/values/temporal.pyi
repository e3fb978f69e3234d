"""Decoders of DATE, DATETIME, TIMESTAMP and TIME: what reads them from row images and from text, and what puts them in each mode.

Formats: the server's `my_time.h`, functions `my_date_to_binary`, `my_datetime_packed_to_binary`, `my_timestamp_to_binary`,
`my_time_packed_to_binary`, and what was before MySQL 5.6. A date with a part that is 0 is none: it becomes null, or in a required
column what stands for it.
"""

from typing import TypeAlias

from cdc.sources.columns.values import ValueDecoder

#: Year, month, day and the microseconds since midnight.
Parts: TypeAlias = tuple[int, int, int, int]

class MomentReader:
    """Reads a date, or a date and a time of the day."""

class ImageDateReader(MomentReader):
    """Reads DATE: three bytes."""

class FractionalReader(MomentReader):
    """Reads what has `digits` digits of fractional seconds."""

    def __init__(self, digits: int) -> None: ...

class ImageDatetimeReader(FractionalReader):
    """Reads DATETIME: five bytes and those of the fraction."""

class OldDatetimeReader(MomentReader):
    """Reads the DATETIME of MySQL before 5.6: YYYYMMDDhhmmss as a number of eight bytes."""

class ImageTimestampReader(FractionalReader):
    """Reads TIMESTAMP: seconds since the epoch in four bytes, the highest first, and those of the fraction."""

class OldTimestampReader(MomentReader):
    """Reads the TIMESTAMP of MySQL before 5.6: seconds in four bytes, the lowest first."""

class TextMomentReader(MomentReader):
    """Reads `2024-02-29`, or `2024-02-29 12:34:56.789`."""

class MomentDecoder(ValueDecoder):
    """Puts what `reader` reads.

    `zero` stands for a date that is none, as (year, month, day, microseconds since midnight); with None it becomes null. With `adjusts`, years below 100
    are those from 1970 to 2069.
    """

    def __init__(self, reader: MomentReader, zero: Parts | None = None, adjusts: bool = False) -> None: ...

class DateDecoder(MomentDecoder):
    """Puts a date as days since 1970-01-01."""

class IsoDateDecoder(MomentDecoder):
    """Puts a date as `2017-09-15Z`."""

class StructuredDateDecoder(MomentDecoder):
    """Puts a date as year, month, day, and no special value."""

class MillisDecoder(MomentDecoder):
    """Puts a timestamp as milliseconds since the epoch, rounded down."""

class MicrosDecoder(MomentDecoder):
    """Puts a timestamp as microseconds since the epoch."""

class NanosDecoder(MomentDecoder):
    """Puts a timestamp as nanoseconds since the epoch, which reach from 1677 to 2262."""

class IsoTimestampDecoder(MomentDecoder):
    """Puts a timestamp as `2019-07-09T02:28:57.123456Z`, the fraction with at least `digits` digits."""

    def __init__(
        self, reader: MomentReader, zero: Parts | None = None, adjusts: bool = False, digits: int = 0
    ) -> None: ...

class StructuredTimestampDecoder(MomentDecoder):
    """Puts a timestamp as date, clock, no special value and the column's `precision`; with `zoned`, with a zone, which is UTC."""

    def __init__(
        self,
        reader: MomentReader,
        zero: Parts | None = None,
        adjusts: bool = False,
        precision: int = 0,
        zoned: bool = False,
    ) -> None: ...

class SpanReader:
    """Reads TIME as microseconds, which may be negative and many days."""

class ImageTimeReader(SpanReader):
    """Reads TIME: three bytes and those of the fraction, all together one number, which is negative for a negative time."""

    def __init__(self, digits: int) -> None: ...

class OldTimeReader(SpanReader):
    """Reads the TIME of MySQL before 5.6: hhmmss as a number of three bytes with a sign."""

class TextTimeReader(SpanReader):
    """Reads `-838:59:59.000000`."""

class TimeDecoder(ValueDecoder):
    """Puts TIME as a number of micro- (`digits` 6) or nanoseconds (9), with its sign and all its hours."""

    def __init__(self, reader: SpanReader, digits: int) -> None: ...

class ConnectTimeDecoder(ValueDecoder):
    """Puts TIME as milliseconds since midnight; 24:00:00 is a whole day."""

    def __init__(self, reader: SpanReader) -> None: ...

class IsoTimeDecoder(ValueDecoder):
    """Puts TIME as `04:05:11.789Z`; 24:00:00 is midnight, as in Debezium."""

    def __init__(self, reader: SpanReader) -> None: ...

class StructuredDurationDecoder(ValueDecoder):
    """Puts TIME as years, months, days (all 0), hours, minutes, seconds, nanoseconds, each with its sign, and the column's `precision`."""

    def __init__(self, reader: SpanReader, precision: int) -> None: ...
