from collections.abc import Sequence
from typing import Any

from cdc.model.connect_record import Aside, SourceRecord
from cdc.model.event import Transaction, Unconvertible
from cdc.model.table import Table

class ChangeBatch:
    """Rows in commit order, each of which becomes one Kafka record.

    `tables` are the table versions in use, `transactions` the source transactions that ended in this batch (oldest first), `problems`
    the values that could not be carried and became null, `asides` the records that go to Kafka beside the rows, `history` the
    records for the schema history. `position` is the source
    position behind the last row; `boundary` says that the batch ends at a source commit, so a Kafka transaction may end there. `tombstones`
    says that deletes have one, `unchanged` that updates which change no captured column are kept. `continues` is not 0 when the batch begins
    inside a source transaction: then that many changes of it came before. `stamp_ns` is when the batch was read, in nanoseconds since the
    epoch. One writer and then one reader; not to be shared while it is written.
    """

    tables: list[Table]
    transactions: list[Transaction]
    problems: list[Unconvertible]
    asides: list[Aside]
    history: list[Any]
    aside_size: int
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

    def release(self) -> None:
        """Give up the rows and their memory; what is said of the batch stays: position, transactions, problems, asides."""

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

    def add_aside(
        self, record: SourceRecord, size: int = 0, row: int | None = None, sign: bool = False, context: bool = False
    ) -> None:
        """Add a record beside the rows, before row `row` or else behind all that are there (see `Aside`).

        `size` is about what it takes, in bytes.
        """

    def operations(self) -> dict[str, int]:
        """Return how many rows there are of each operation that occurs, by its letter; "" for tombstones."""

    def take_back(self, rows: int, asides: int) -> None:
        """Leave only the first `rows` rows, and the first `asides` records beside them: what came behind was rolled back."""

    def transaction_block(self, index: int) -> tuple[str, int, int] | None:
        """Return a row's (id, total_order, data_collection_order) in its source transaction, or None where it is not numbered."""

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
