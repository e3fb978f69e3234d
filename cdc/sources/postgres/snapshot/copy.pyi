from collections.abc import Sequence

from cdc.model.batch import ChangeBatch
from cdc.sources.columns.row import RowPlan
from cdc.sources.postgres.wal.source_info import SourceInfo

class CopyDecoder:
    """Decodes the rows of one table, in the order of `plan`, as snapshot reads of one position.

    `info` is the source block that all rows share but for the snapshot marker.
    """

    def __init__(self, plan: RowPlan, info: SourceInfo, lsn: int) -> None: ...
    def feed(self, rows: Sequence[bytes | memoryview], batch: ChangeBatch, marker: bytes) -> None:
        """Decode rows (one CopyData message each, with its line end); `marker` is their `source.snapshot`. They share a source block."""
