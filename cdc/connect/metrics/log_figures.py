"""Debezium's metrics of a source that reads a database's log, by the names of its monitoring example; and what Debezium does not have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from cdc.connect.herder import ConnectorType
from cdc.connect.metrics.views import TaskView
from cdc.metrics.counters import HistoryCounts
from cdc.metrics.figure import Figure, Group, counter
from cdc.pipeline.session import QUEUED_BATCHES
from cdc.pipeline.status import State
from cdc.sources.base import KeepsHistory, RetainsLog, Retention

T = TypeVar("T")

_DEBEZIUM: Final = "debezium_metrics_"
_OWN: Final = "cdc_stream_"
_LABELS: Final = ("plugin", "name", "context", "connector", "task")


def _connected(view: TaskView) -> float:
    return float(view.progress.state in {State.SNAPSHOT, State.STREAMING})


def _in_offset(view: TaskView, name: str) -> float | None:
    """Return a number of the newest committed offset."""
    position = view.progress.position
    found = position.offset().get(name) if position is not None else None
    return found if isinstance(found, int) else None


def _room(view: TaskView) -> float | None:
    queued = view.progress.queued
    return None if queued is None else QUEUED_BATCHES - queued()


def _aborted(view: TaskView) -> float:
    snapshot = view.progress.snapshot
    begun_only = snapshot.began is not None and snapshot.ended is None
    return float(begun_only and view.progress.state is not State.SNAPSHOT)


def _snapshot_seconds(view: TaskView) -> float | None:
    snapshot = view.progress.snapshot
    if snapshot.began is None or _aborted(view):
        return None
    return (view.now if snapshot.ended is None else snapshot.ended) - snapshot.began


def _tables(view: TaskView) -> float | None:
    progress = view.progress.snapshot.progress
    return None if progress is None else progress.tables


def _tables_left(view: TaskView) -> float | None:
    snapshot = view.progress.snapshot
    if snapshot.ended is not None:
        return 0
    return None if snapshot.progress is None else snapshot.progress.tables - snapshot.progress.tables_done


def _lag(view: TaskView) -> float | None:
    source = view.progress.source
    return source.lag if source is not None and view.progress.state is State.STREAMING else None


def _operation(letter: str) -> Callable[[TaskView], float]:
    return lambda view: view.progress.streaming.operations[letter]


def _rows_by_table(view: TaskView) -> Mapping[str, float] | None:
    progress = view.progress.snapshot.progress
    return None if progress is None else progress.rows_by_table


def _retention(view: TaskView) -> Retention | None:
    source: object = view.progress.source
    return source.retention if isinstance(source, RetainsLog) else None


def _of_history(view: TaskView, read: Callable[[HistoryCounts], T]) -> T | None:
    """Return what is counted of the schema history, None for a source without."""
    source: object = view.progress.source
    return read(source.history_counts) if isinstance(source, KeepsHistory) else None


def _retained(view: TaskView) -> float | None:
    found = _retention(view)
    return None if found is None else found.retained_bytes


def _safe(view: TaskView) -> float | None:
    found = _retention(view)
    return None if found is None else found.safe_bytes


def _log_status(view: TaskView) -> str | None:
    found = _retention(view)
    return found.status or None if found is not None else None


def _stalled(view: TaskView) -> float | None:
    since = view.progress.waiting_since
    return 0 if since is None else view.now - since


STREAMING: Final[Group[TaskView]] = Group(
    "Streaming",
    'Debezium\'s streaming metrics: `context` is "streaming", `plugin` "postgres", and `name` the topic prefix. `connector` and `task` are added.',
    _LABELS,
    (
        Figure(f"{_DEBEZIUM}Connected", "1 while the source is connected, else 0.", _connected),
        Figure(
            f"{_DEBEZIUM}TotalNumberOfEventsSeen",
            "Events of the stream that are in Kafka for good, tombstones included.",
            lambda t: t.progress.streaming.rows,
        ),
        Figure(
            f"{_DEBEZIUM}TotalNumberOfCreateEventsSeen",
            "Those of them that are inserts; a change of the key counts as a delete and an insert.",
            _operation("c"),
        ),
        Figure(f"{_DEBEZIUM}TotalNumberOfUpdateEventsSeen", "Those that are updates.", _operation("u")),
        Figure(
            f"{_DEBEZIUM}TotalNumberOfDeleteEventsSeen",
            "Those that are deletes, tombstones not included.",
            _operation("d"),
        ),
        Figure(
            f"{_DEBEZIUM}MilliSecondsSinceLastEvent",
            "Milliseconds since the last of them was committed there.",
            lambda t: t.since(t.progress.streaming.last),
        ),
        Figure(
            f"{_DEBEZIUM}MilliSecondsBehindSource",
            "Milliseconds from the commit of the last source transaction to its commit in Kafka.",
            lambda t: t.progress.behind_ms,
        ),
        Figure(
            f"{_DEBEZIUM}NumberOfCommittedTransactions",
            "Source transactions that are in Kafka for good.",
            lambda t: t.progress.source_transactions,
        ),
        Figure(
            f"{_DEBEZIUM}LastTransactionId",
            "The id of the last source transaction in Kafka.",
            lambda t: _in_offset(t, "txId"),
        ),
        Figure(
            f"{_DEBEZIUM}SourceEventPosition",
            "The place in the log of the last event in Kafka: PostgreSQL's LSN as a number.",
            lambda t: _in_offset(t, "lsn"),
        ),
        Figure(
            f"{_DEBEZIUM}QueueTotalCapacity",
            "Batches that may wait between the source and Kafka. Debezium counts events.",
            lambda t: None if t.progress.queued is None else QUEUED_BATCHES,
        ),
        Figure(
            f"{_DEBEZIUM}QueueRemainingCapacity",
            "Batches for which there is room; 0 means that Kafka is the slower end.",
            _room,
        ),
    ),
)

SNAPSHOT: Final[Group[TaskView]] = Group(
    "Snapshot",
    'Debezium\'s snapshot metrics: `context` is "snapshot". They are about the snapshot since the last start of the task.',
    _LABELS,
    (
        Figure(
            f"{_DEBEZIUM}SnapshotRunning",
            "1 while it runs, else 0.",
            lambda t: float(t.progress.state is State.SNAPSHOT),
        ),
        Figure(
            f"{_DEBEZIUM}SnapshotCompleted",
            "1 when it has been completed, else 0.",
            lambda t: float(t.progress.snapshot.ended is not None),
        ),
        Figure(
            f"{_DEBEZIUM}SnapshotAborted",
            "1 when it was broken off and does not run, else 0.",
            _aborted,
        ),
        Figure(f"{_DEBEZIUM}SnapshotDurationInSeconds", "Seconds that it took, or has run for.", _snapshot_seconds),
        Figure(f"{_DEBEZIUM}TotalTableCount", "Tables in it.", _tables),
        Figure(f"{_DEBEZIUM}RemainingTableCount", "Tables that are not read to the end.", _tables_left),
        Figure(
            f"{_DEBEZIUM}TotalNumberOfEventsSeen",
            "Rows of it that are in Kafka for good.",
            lambda t: t.progress.snapshot.rows,
        ),
        Figure(
            f"{_DEBEZIUM}RowsScanned",
            "Rows that were read of each table so far.",
            _rows_by_table,
            label="table",
        ),
        Figure(
            f"{_DEBEZIUM}MilliSecondsSinceLastEvent",
            "Milliseconds since the last of them was committed there.",
            lambda t: t.since(t.progress.snapshot.last),
        ),
    ),
)

HISTORY: Final[Group[TaskView]] = Group(
    "Schema history",
    'Debezium\'s schema history metrics: `context` is "schema-history", `plugin` "mysql". They are about the time since the last start of the task. The texts of the last'
    " changes are not given, as the JMX exporter gives none either; the history has them.",
    _LABELS,
    (
        Figure(
            f"{_DEBEZIUM}Status",
            "1; what is done with the history is the label: STOPPED, RECOVERING while it is read, or RUNNING.",
            lambda t: _of_history(t, lambda counts: counts.status),
            label="status",
        ),
        Figure(
            f"{_DEBEZIUM}RecoveryStartTime",
            "When it was begun to be read, in seconds since the epoch; not given without a stored offset.",
            lambda t: _of_history(t, lambda counts: counts.recovery_began),
        ),
        Figure(
            f"{_DEBEZIUM}ChangesRecovered",
            "Changes that were read from it.",
            lambda t: _of_history(t, lambda counts: counts.recovered),
        ),
        Figure(
            f"{_DEBEZIUM}ChangesApplied",
            "Changes that the definitions of tables have followed: those of the history up to the stored offset, and those of snapshot and log since.",
            lambda t: _of_history(t, lambda counts: counts.applied),
        ),
        Figure(
            f"{_DEBEZIUM}MilliSecondsSinceLastRecoveredChange",
            "Milliseconds since the last one was read from it.",
            lambda t: _of_history(t, lambda counts: t.since(counts.last_recovered)),
        ),
        Figure(
            f"{_DEBEZIUM}MilliSecondsSinceLastAppliedChange",
            "Milliseconds since the definitions followed the last one.",
            lambda t: _of_history(t, lambda counts: t.since(counts.last_applied)),
        ),
    ),
)

OWN: Final[Group[TaskView]] = Group(
    "cdc-stream's own",
    "What neither Connect nor Debezium has.",
    ("connector", "task"),
    (
        Figure(
            f"{_OWN}source_lag_bytes",
            "Bytes of the source's log that are not published and acknowledged yet, as far as the server has told.",
            _lag,
        ),
        Figure(
            f"{_OWN}retained_log_bytes",
            "Bytes of its log that the server keeps for the source, as of the last half minute.",
            _retained,
        ),
        Figure(
            f"{_OWN}safe_log_bytes",
            "Bytes that the server may still write before it gives up what it keeps; not given without a limit.",
            _safe,
        ),
        Figure(
            f"{_OWN}retained_log_status",
            "1; the server's word for it is the label: PostgreSQL's wal_status.",
            _log_status,
            label="status",
        ),
        counter(
            f"{_OWN}truncates_total",
            "Truncates of tables that are in Kafka for good.",
            lambda t: t.progress.streaming.operations["t"] if t.progress.source is not None else None,
        ),
        Figure(
            f"{_OWN}task_waiting_seconds",
            "Seconds since something has been in the task's way; 0 when nothing is.",
            _stalled,
        ),
        counter(f"{_OWN}task_restarts_total", "New attempts after outages.", lambda t: t.progress.restarts),
        counter(
            f"{_OWN}nulled_values_total",
            "Values that could not be carried and became null, as `event.converting.failure.handling.mode` asks.",
            lambda t: t.progress.nulled_values if t.type is ConnectorType.SOURCE else None,
        ),
    ),
)
