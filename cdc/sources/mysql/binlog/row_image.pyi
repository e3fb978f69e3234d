"""Where the values of a row image begin and end.

Format: the server's `Rows_event`. A value has a fixed size that follows from its TABLE_MAP, or stands behind its length.
"""

from collections.abc import Sequence

from cdc.sources.mysql.binlog.table_map import ImageColumn

def decimal_size(precision: int, scale: int) -> int:
    """Return the bytes of a DECIMAL in its binary form."""

def measures(column: ImageColumn) -> tuple[int, int]:
    """Return a column's (bytes of the length in front, bytes of a value without one)."""

class RowImage:
    """The form of the row images of a TABLE_MAP, from its `ImageColumn`s."""

    count: int
    has_json: bool
    def __init__(self, columns: Sequence[ImageColumn]) -> None: ...
