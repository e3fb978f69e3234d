from collections.abc import Callable, Mapping

from cdc.model.batch import ChangeBatch
from cdc.sources.columns.row import RowPlan
from cdc.sources.marks import TransactionMarks
from cdc.sources.mysql.binlog.events import XaPrepare
from cdc.sources.mysql.binlog.gtid import Gtid
from cdc.sources.mysql.binlog.mariadb_gtid import MariaDbGtid
from cdc.sources.mysql.binlog.position import Partial
from cdc.sources.mysql.binlog.query_event import Query
from cdc.sources.mysql.schema.source_info import SourceInfo
from cdc.sources.mysql.stream.committed_runs import CommittedRuns
from cdc.sources.mysql.stream.held_events import HeldEvents
from cdc.sources.mysql.stream.log_place import LogPlace
from cdc.sources.mysql.stream.rows import BoundTable

class BinlogDecoder:
    """Decodes the events of one dump into batches.

    `partial` tells of a transaction that was published in part (see `Partial`); that part is passed over. `wants` decides by a source's UUID
    whether its transactions are published. `skipped` holds the letters of operations to leave out. `marks` makes the marks of transactions: none
    without it; if it makes any, changes are numbered, and `counts` are those that the published part of a split transaction has, by
    collection. `queries` says that the source block has the statement. `catch_up` is (file, position), if the dump begins before the stored
    position: of what is before that, only distributed transactions are kept. With `each_transaction`, no batch goes on behind the end of one.

    The state that a stored offset needs is public: `place`, where the events stand; `committed`, what has committed; and inside a transaction
    `gtid`, `events`, the events of it that were
    taken from its BEGIN on, `rows_taken`, the rows of the event behind those, `ordinal`, the rows of captured tables seen so far, and `counts`. `last_row` is the number of
    the row that was decoded last, in its event. `held` are the events of a distributed transaction that is not prepared yet. `repeats` says
    that `statement` is in the part that was published before: it changes definitions, and its records are there.
    `commit_us` is the transaction's time in microseconds since the epoch.
    """

    place: LogPlace
    held: HeldEvents
    committed: CommittedRuns
    gtid: Gtid | MariaDbGtid | None
    commit_us: int
    events: int
    rows_taken: int
    ordinal: int
    last_row: int
    in_transaction: bool
    statement: Query | None
    repeats: bool
    prepared: XaPrepare | None
    info: SourceInfo
    def __init__(
        self,
        file: str = "",
        position: int = 0,
        partial: Partial | None = None,
        wants: Callable[[str], bool] | None = None,
        skipped: str = "",
        marks: TransactionMarks | None = None,
        counts: Mapping[str, int] = ...,
        queries: bool = False,
        catch_up: tuple[str, int] | None = None,
        each_transaction: bool = False,
    ) -> None: ...
    @property
    def counts(self) -> dict[str, int]:
        """The changes of the transaction at hand by collection, if changes are numbered."""

    @property
    def unresolved(self) -> bytes | None:
        """The TABLE_MAP whose rows must be bound first; None when none waits."""

    def bind(self, table: BoundTable | None) -> None:
        """Say how the rows of `unresolved` are decoded; with None they are passed over."""

    def forget(self) -> None:
        """Forget how rows are decoded, because definitions have changed."""

    def end_statement(self, batch: ChangeBatch) -> None:
        """Go on behind `statement`; it ends its transaction unless that has a BEGIN."""

    def begin_held(self, batch: ChangeBatch) -> None:
        """Begin to decode the events that were held back, as a part of the transaction at hand."""

    def end_prepared(self, batch: ChangeBatch) -> None:
        """Go on behind `prepared`: the transaction waits for the statement that commits it."""

    def commit(self, batch: ChangeBatch) -> None:
        """End the transaction at hand."""

    def truncate(self, plan: RowPlan, batch: ChangeBatch) -> None:
        """Add the truncation of a table, unless those are left out."""

    def feed(
        self, file: str, base: int, events: list[bytes], start: int, batch: ChangeBatch, max_rows: int, max_size: int
    ) -> int:
        """Decode events from `start` on and return the index of the first one that was not taken.

        All are of `file`; an event's `log_pos` counts from `base`. Stops early when `unresolved` names a TABLE_MAP that must be bound first, behind a
        `statement` that the caller must look at (then `end_statement`), behind `prepared`, when the batch holds `max_rows` rows or `max_size` bytes, when as much is held
        back, and at the end of a transaction that began in an earlier batch.
        Raises DecodeError for bytes that do not follow the format, ConversionError under the policy `fail`, and UnknownEvent.
        """

    def cut(self) -> None:
        """Note that a batch ends here. Inside a transaction, the batch with its end then holds nothing that comes after it."""
