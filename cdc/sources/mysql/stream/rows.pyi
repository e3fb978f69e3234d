"""The decoder of the binlog's row events: WRITE, UPDATE and DELETE of versions 1 and 2, and PARTIAL_UPDATE.

Formats: the server's documentation of its source, `Rows_event` and `Table_map_event`; for partial updates its `rpl_record.cc`. It does no I/O:
whole events without checksum go in, rows of a `ChangeBatch` come out.
"""

from cdc.model.batch import ChangeBatch
from cdc.sources.columns.row import RowPlan
from cdc.sources.mysql.binlog.table_map import TableMap
from cdc.sources.mysql.schema.source_info import SourceInfo

class BoundTable:
    """How the rows behind a TABLE_MAP are decoded: `map` is the `TableMap`, `plan` has a decoder for each of its columns.

    `row_end` is the index of the column that says until when a row of a table with system versioning held, -1 without one.
    """

    map: TableMap
    plan: RowPlan
    def __init__(self, map: TableMap, plan: RowPlan, row_end: int = -1) -> None: ...  # noqa: A002 (the field's word)

class RowsDecoder:
    """Decodes row events into batches, one event at a time and a part of its rows at a time.

    Each TABLE_MAP goes to `take_map`; one that is new is kept in `unresolved` until `bind` has said what becomes of its rows. Each row
    event goes to `begin`, then to `feed` until that says that its rows have all been taken. `row` is the number of the next row in its event, from 0
    on; `skip` passes over rows that were published before. `operation` is that of the event: c, u or d.

    A column that the image of a row leaves out (`binlog_row_image` MINIMAL or NOBLOB) gets an absent cell; one that an update leaves out
    of its new image has not changed, so it takes its value from the old image where that has it.

    Of a table with system versioning the rows of the past are left out, and one that becomes such is deleted: what is published is what a SELECT
    shows. `skipped` holds the operations that are left out for such tables, where an event's own does not tell them.
    """

    unresolved: bytes | None
    row: int
    open: bool
    operation: str
    def __init__(self, skipped: str = "") -> None: ...
    def take_map(self, event: bytes) -> bool:
        """Note whose rows follow; return whether it is known. If not, `unresolved` is the event, and `bind` must be called."""

    def bind(self, table: BoundTable | None) -> None:
        """Say how the rows behind the `unresolved` TABLE_MAP are decoded, and those behind all like it; with None they are passed over."""

    def forget(self) -> None:
        """Forget what was bound, because definitions have changed."""

    def begin(self, event: bytes) -> BoundTable | None:
        """Open a row event and return the table of its rows; None if they are passed over, and the event is not open then.

        Raises DecodeError for an event that has no TABLE_MAP in front of it, or does not fit that.
        """

    def feed(self, batch: ChangeBatch, info: SourceInfo, max_rows: int, max_size: int) -> bool:
        """Decode rows of the open event until there are no more, and return True; or False when the batch holds `max_rows` rows or `max_size` bytes.

        Raises DecodeError for bytes that do not follow the protocol and ConversionError under the policy `fail`.
        """

    def skip(self, rows: int) -> bool:
        """Pass over so many rows of the open event; return whether it has more. The event is not open any more if not."""
