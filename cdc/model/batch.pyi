from collections.abc import Sequence
from typing import Any

from cdc.model.event import Transaction, Unconvertible
from cdc.model.table import Table

class ChangeBatch:
    """Rows in commit order, each of which becomes one Kafka record.

    `tables` are the table versions in use, `transactions` the source transactions that ended in this batch (oldest first), `problems`
    the values that could not be carried and became null. `position` is the source position behind the last row; `boundary` says that
    the batch ends at a source commit, so a Kafka transaction may end there. `tombstones` says that deletes have one, `unchanged` that updates
    which change no captured column are kept. `continues` is not 0 when the batch begins inside a source
    transaction: then that many changes of it came before. `stamp_ns` is when the batch was read, in nanoseconds since
    the epoch. One writer and then one reader; not to be shared while it is written.
    """

    tables: list[Table]
    transactions: list[Transaction]
    problems: list[Unconvertible]
    position: Any
    boundary: bool
    tombstones: bool
    unchanged: bool
    stamp_ns: int
    continues: int
    def __init__(self, tombstones: bool = True, unchanged: bool = True) -> None: ...
    def __len__(self) -> int: ...
    @property
    def size(self) -> int:
        """The memory that the content takes, in bytes."""

    def add(
        self,
        op: str,
        table: Table,
        before: Sequence[object] | None,
        after: Sequence[object] | None,
        source: Sequence[object] | None,
    ) -> None:
        """Add a change from Python values: tuples in the order of the table's columns (None for no tuple) and source variables.

        The rules on keys and tombstones apply, so that one change may become several rows.
        """

    def row(
        self, index: int
    ) -> tuple[
        str,
        Table,
        tuple[Any, ...] | None,
        tuple[Any, ...] | None,
        tuple[Any, ...] | None,
        tuple[Any, ...] | None,
        tuple[Any, ...] | None,
    ]:
        """Return a row as (op, table, before, after, key, other_key, source), with tuples of Python values; op is "" for a tombstone."""
