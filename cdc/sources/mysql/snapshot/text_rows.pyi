"""The decoder of rows that a SELECT returns, by which a snapshot reads a table.

Format: the MySQL protocol, "Text Resultset Row": a length-encoded string for each column, 0xFB for NULL.
"""

from cdc.model.batch import ChangeBatch
from cdc.sources.columns.row import RowPlan
from cdc.sources.mysql.schema.source_info import SourceInfo

class TextRowDecoder:
    """Decodes the rows of one table, in the order of `plan`, as snapshot reads of one position.

    `info` is the source block that all rows share but for the snapshot marker. The decoders of the plan are those that `resolve` gives
    without a column of a row image.
    """

    def __init__(self, plan: RowPlan, info: SourceInfo) -> None: ...
    def feed(self, rows: list[bytes], batch: ChangeBatch, marker: bytes) -> None:
        """Decode rows (the content of one packet each); `marker` is their `source.snapshot`. Raises DecodeError and ConversionError."""
