from collections.abc import Callable, Mapping, Sequence

from cdc.model.batch import ChangeBatch
from cdc.sources.columns.row import RowPlan
from cdc.sources.postgres.stream.beside import Beside
from cdc.sources.postgres.wal.relation import Relation

class PgOutputDecoder:
    """Decodes the stream of one slot into batches.

    `resume_lsn` is where the stored offset says to go on: transactions that committed before it are passed over. `partial` is (commit LSN,
    number of changes) of a transaction that was published in part; those changes are passed over too. `visible` decides for a
    transaction id whether a snapshot that was taken without the slot has seen it already. `skipped` holds the letters of operations to leave out.
    `beside` makes the records beside the rows: none without it. If it marks transactions, changes are numbered, and `counts` are those that the
    published part of a split transaction has, by collection. With `local_only`, what another server's replication brought is left out.

    The state that a stored offset needs is public: `resume_lsn` (the end of the last whole transaction, or of the log when the stream
    is idle), `last_commit`, `xid`, `commit_us`, `event_lsn`, `operation`; and inside a transaction `commit_lsn`, `ordinal`, the changes seen so far,
    and `counts`, the events by collection.
    """

    resume_lsn: int
    last_commit: int
    commit_lsn: int
    commit_us: int
    event_lsn: int
    ordinal: int
    xid: int
    server_end: int
    operation: str | None
    in_transaction: bool
    reply_requested: bool
    unresolved: Relation | None
    skipped: str
    counts: dict[str, int]
    def __init__(
        self,
        resume_lsn: int = 0,
        partial: tuple[int, int] | None = None,
        visible: Callable[[int, int], bool] | None = None,
        skipped: str = "",
        last_commit: int = 0,
        beside: Beside | None = None,
        counts: Mapping[str, int] = ...,
        local_only: bool = False,
    ) -> None: ...
    def bind(self, oid: int, plan: RowPlan) -> None:
        """Say how rows of a relation are decoded, in answer to `unresolved`."""

    def replied(self) -> None:
        """Note that the server's request for a reply was answered."""

    def feed(
        self, messages: Sequence[bytes | memoryview], start: int, batch: ChangeBatch, max_rows: int, max_size: int
    ) -> int:
        """Decode CopyData messages from `start` on and return the index of the first one that was not taken.

        Stops early when `unresolved` names a relation that must be bound first (one that is new, or one whose enums have grown), when the batch holds `max_rows` rows or `max_size`
        bytes, and at the end of a transaction that began in an earlier batch.
        Raises DecodeError for bytes that do not follow the protocol and ConversionError under the policy `fail`.
        """

    def cut(self) -> None:
        """Note that a batch ends here. Inside a transaction, the batch with its end then holds nothing that comes after it."""
