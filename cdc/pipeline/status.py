"""What a running pipeline tells about itself."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from cdc.metrics.counters import TaskCounts
from cdc.model.position import Position
from cdc.snapshot.progress import SnapshotProgress
from cdc.sources.base import Source


class State(enum.StrEnum):
    """What the pipeline is doing."""

    STARTING = "starting"
    SNAPSHOT = "snapshot"
    STREAMING = "streaming"
    WAITING = "waiting"
    STOPPED = "stopped"


@dataclass(slots=True)
class Tally:
    """What the open Kafka transaction holds so far; `commit_us` is when its newest source transaction committed, 0 where unknown.

    `operations` are its rows by the envelope's letter, "" for tombstones.
    """

    opened: float
    rows: int = 0
    records: int = 0
    record_bytes: int = 0
    continues: int = 0
    transactions: int = 0
    commit_us: int = 0
    operations: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class LogCounts:
    """What of a source's log is in Kafka: rows, those of each operation as in `Tally`, and when the last one came there."""

    rows: int = 0
    operations: Counter[str] = field(default_factory=Counter)
    last: float | None = None


@dataclass(slots=True)
class SnapshotCounts(LogCounts):
    """The snapshot, as long as it is known: from when to when it lasted, and how far it is or was."""

    began: float | None = None
    ended: float | None = None
    progress: SnapshotProgress | None = None


def _nothing() -> None:
    """Do nothing."""


@dataclass(slots=True)
class PipelineStatus:
    """Counters since the start; written by the pipeline alone, read by anyone on the same loop. Times are those of the pipeline's clock.

    `rows` and `transactions` count what is committed in Kafka, `commits` the Kafka transactions with and without rows. `position` is the last one committed. `begun` says
    that the source has delivered: configuration and rights are known to be good then. `topics` are those that it has sent to.

    `problem` is why it waits, `waiting_since` since when it has not worked. `pending_since` is since when there is something that was read
    and is not stored, without any progress, and `limit` how long that may last in good order, in seconds. `on_up` is called once, when it has come up. `source` is what a pipeline reads from,
    `plugin` is Debezium's word for its kind,
    and `queued` tells how many batches wait to be published.
    """

    state: State = State.STARTING
    begun: bool = False
    rows: int = 0
    records: int = 0
    record_bytes: int = 0
    transactions: int = 0
    commits: int = 0
    nulled_values: int = 0
    position: Position | None = None
    problem: str = ""
    restarts: int = 0
    topics: set[str] = field(default_factory=set)
    waiting_since: float | None = None
    pending_since: float | None = None
    limit: float = 0.0
    up: bool = False
    on_up: Callable[[], None] = _nothing
    source: Source | None = None
    plugin: str = ""
    source_transactions: int = 0
    behind_ms: float | None = None
    queued: Callable[[], int] | None = None
    snapshot: SnapshotCounts = field(default_factory=SnapshotCounts)
    streaming: LogCounts = field(default_factory=LogCounts)
    counts: TaskCounts = field(default_factory=TaskCounts)

    def start(self, now: float, *, snapshot: bool = False) -> None:
        """Note that a session has both ends connected, and begins with the snapshot or with the stream."""
        self.state = State.SNAPSHOT if snapshot else State.STREAMING
        self.counts.source.active = 0
        self.pending_since = None
        if snapshot:
            self.snapshot = SnapshotCounts(began=now)

    def come_up(self) -> None:
        """Note that it works, for the first time or again and again."""
        if not self.up:
            self.up = True
            self.on_up()

    def end_snapshot(self, now: float) -> None:
        """Note that the snapshot is complete, and the stream goes on."""
        self.state = State.STREAMING
        self.snapshot.ended = now

    def wait(self, problem: str, now: float) -> None:
        """Note what it waits for; until it works again, the first time counts."""
        self.problem = problem
        self.state = State.WAITING
        self.pending_since = None
        if self.waiting_since is None:
            self.waiting_since = now

    def work(self) -> None:
        """Note that nothing is in its way."""
        self.problem = ""
        self.waiting_since = None
        if self.state is State.WAITING:
            self.state = State.STREAMING

    def read(self, rows: int, now: float, seconds: float) -> None:
        """Count rows that the source has handed over, after so many seconds."""
        if not rows:
            return
        source = self.counts.source
        source.polled.add(rows, now)
        source.poll_seconds.add(seconds)
        source.active += rows
        self.counts.batch_sizes.add(rows)
        if self.pending_since is None:
            self.pending_since = now

    def commit(self, tally: Tally, now: float, seconds: float) -> None:
        """Count what a Kafka transaction has brought, of which the commit alone took so many seconds."""
        self.rows += tally.rows
        self.records += tally.records
        self.record_bytes += tally.record_bytes
        self.transactions += 1 if tally.rows else 0
        self.commits += 1
        self.counts.commit_seconds.add(seconds)
        if tally.rows:
            self._count(tally, now)
        self.pending_since = now if self.counts.source.active else None

    def _count(self, tally: Tally, now: float) -> None:
        source = self.counts.source
        source.written.add(tally.records, now)
        source.active -= tally.rows
        source.transaction_sizes.add(tally.records)
        log = self.snapshot if self.state is State.SNAPSHOT else self.streaming
        log.rows += tally.rows
        log.operations.update(tally.operations)
        log.last = now
        self.source_transactions += tally.transactions
