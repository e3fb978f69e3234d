"""Kafka Connect's metrics of tasks, by the names that the usual rules of the JMX exporter give them (Strimzi's)."""

from __future__ import annotations

from typing import Final

from cdc.connect.herder import State
from cdc.connect.metrics.views import TaskView
from cdc.connect.task_run import TaskRun
from cdc.metrics.figure import Figure, Group, counter

_TASK: Final = "kafka_connect_connector_task_"
_SOURCE: Final = "kafka_connect_source_task_"
_SINK: Final = "kafka_connect_sink_task_"
_ERROR: Final = "kafka_connect_task_error_"
_LABELS: Final = ("connector", "task")


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def _failed_share(view: TaskView) -> float | None:
    success = view.counts.commit_success
    return None if success is None else 1 - success


STATES: Final[Group[TaskRun]] = Group(
    "State of a task",
    "From Connect's `connector-task-metrics`. The shares are of the time since the task was made, over all its starts.",
    _LABELS,
    (
        Figure(
            f"{_TASK}status",
            "1; its state in small letters is the label.",
            lambda t: t.state.lower(),
            label="status",
        ),
        Figure(
            f"{_TASK}running_ratio",
            "Share of the time that it was RUNNING, from 0 to 1.",
            lambda t: t.times.share(State.RUNNING),
        ),
        Figure(
            f"{_TASK}pause_ratio",
            "Share of the time that it was PAUSED, from 0 to 1.",
            lambda t: t.times.share(State.PAUSED),
        ),
    ),
)

TASK: Final[Group[TaskView]] = Group(
    "Task",
    "The rest of Connect's `connector-task-metrics`. Like all that follows, it is about the last start of a task. Averages and maxima are over "
    "all of it.",
    _LABELS,
    (
        Figure(
            f"{_TASK}batch_size_avg",
            "Records in a batch: what a source hands over at once, what a sink is given at once.",
            lambda t: t.counts.batch_sizes.average,
        ),
        Figure(f"{_TASK}batch_size_max", "Records in the largest such batch.", lambda t: t.counts.batch_sizes.maximum),
        Figure(
            f"{_TASK}offset_commit_avg_time_ms",
            "Milliseconds that a commit takes; of a source, that of the Kafka transaction which holds the offset.",
            lambda t: _ms(t.counts.commit_seconds.average),
        ),
        Figure(
            f"{_TASK}offset_commit_max_time_ms",
            "Milliseconds that the slowest commit took.",
            lambda t: _ms(t.counts.commit_seconds.maximum),
        ),
        Figure(
            f"{_TASK}offset_commit_success_percentage",
            "Share of a sink's commits that succeeded, from 0 to 1 as in Connect. A source begins anew when one fails.",
            lambda t: t.counts.commit_success if t.type == "sink" else None,
        ),
        Figure(
            f"{_TASK}offset_commit_failure_percentage",
            "Share of a sink's commits that failed, or whose flush did.",
            lambda t: _failed_share(t) if t.type == "sink" else None,
        ),
    ),
)

SOURCE: Final[Group[TaskView]] = Group(
    "Source task",
    "Connect's `source-task-metrics`. Rates are those of the last 30 to 60 seconds.",
    _LABELS,
    (
        counter(
            f"{_SOURCE}source_record_poll_total",
            "Records that the source has handed over; after an outage, some are read again.",
            lambda t: t.counts.source.polled.total,
        ),
        Figure(
            f"{_SOURCE}source_record_poll_rate",
            "The same a second.",
            lambda t: t.counts.source.polled.rate(t.now),
        ),
        counter(
            f"{_SOURCE}source_record_write_total",
            "Records in committed Kafka transactions, after transforms.",
            lambda t: t.counts.source.written.total,
        ),
        Figure(
            f"{_SOURCE}source_record_write_rate",
            "The same a second.",
            lambda t: t.counts.source.written.rate(t.now),
        ),
        Figure(
            f"{_SOURCE}source_record_active_count",
            "Records that were handed over and are in no committed transaction yet.",
            lambda t: t.counts.source.active,
        ),
        Figure(
            f"{_SOURCE}poll_batch_avg_time_ms",
            "Milliseconds until the source handed over a batch, waiting for changes included.",
            lambda t: _ms(t.counts.source.poll_seconds.average),
        ),
        Figure(
            f"{_SOURCE}poll_batch_max_time_ms",
            "The longest of these times.",
            lambda t: _ms(t.counts.source.poll_seconds.maximum),
        ),
        Figure(
            f"{_SOURCE}transaction_size_avg",
            "Records in a Kafka transaction that has any.",
            lambda t: t.counts.source.transaction_sizes.average,
        ),
        Figure(
            f"{_SOURCE}transaction_size_max",
            "Records in the largest Kafka transaction.",
            lambda t: t.counts.source.transaction_sizes.maximum,
        ),
    ),
)

SINK: Final[Group[TaskView]] = Group(
    "Sink task",
    "Connect's `sink-task-metrics`. Rates are those of the last 30 to 60 seconds.",
    _LABELS,
    (
        counter(
            f"{_SINK}sink_record_read_total",
            "Records read from Kafka, before transforms.",
            lambda t: t.counts.sink.read.total,
        ),
        Figure(f"{_SINK}sink_record_read_rate", "The same a second.", lambda t: t.counts.sink.read.rate(t.now)),
        counter(
            f"{_SINK}sink_record_send_total",
            "Records that the task has taken, after transforms.",
            lambda t: t.counts.sink.sent.total,
        ),
        Figure(f"{_SINK}sink_record_send_rate", "The same a second.", lambda t: t.counts.sink.sent.rate(t.now)),
        Figure(
            f"{_SINK}sink_record_active_count",
            "Offsets that the task has taken and that are not committed yet.",
            lambda t: t.counts.sink.active,
        ),
        Figure(f"{_SINK}partition_count", "Partitions that the task has.", lambda t: t.counts.sink.partitions),
        counter(
            f"{_SINK}offset_commit_completion_total",
            "Commits of offsets that succeeded.",
            lambda t: t.counts.commit_seconds.count,
        ),
        Figure(
            f"{_SINK}put_batch_avg_time_ms",
            "Milliseconds that the task takes for a batch.",
            lambda t: _ms(t.counts.sink.put_seconds.average),
        ),
        Figure(
            f"{_SINK}put_batch_max_time_ms",
            "Milliseconds that it took for the slowest batch.",
            lambda t: _ms(t.counts.sink.put_seconds.maximum),
        ),
    ),
)

ERRORS: Final[Group[TaskView]] = Group(
    "Errors of a task",
    "Connect's `task-error-metrics`; gauges, as the JMX exporter has them, although they only grow.",
    _LABELS,
    (
        Figure(
            f"{_ERROR}total_record_failures",
            "Attempts to convert, transform or put a record that failed.",
            lambda t: t.counts.errors.failures,
        ),
        Figure(
            f"{_ERROR}total_record_errors",
            "Records that failed for good.",
            lambda t: t.counts.errors.errors,
        ),
        Figure(
            f"{_ERROR}total_records_skipped",
            "Records that were given up, as `errors.tolerance` allows.",
            lambda t: t.counts.errors.skipped,
        ),
        Figure(f"{_ERROR}total_errors_logged", "Such records that were logged.", lambda t: t.counts.errors.logged),
        Figure(f"{_ERROR}total_retries", "Further attempts.", lambda t: t.counts.errors.retries),
        Figure(
            f"{_ERROR}deadletterqueue_produce_requests",
            "Records meant for the dead letter topic.",
            lambda t: t.counts.errors.dead_letters,
        ),
        Figure(
            f"{_ERROR}deadletterqueue_produce_failures",
            "Those of a sink that could not be written there. A source's are in the transaction with their neighbours.",
            lambda t: t.counts.errors.dead_letter_failures if t.type == "sink" else None,
        ),
        Figure(
            f"{_ERROR}last_error_timestamp",
            "When a record failed for good last, in milliseconds since the epoch.",
            lambda t: t.counts.errors.last_ms,
        ),
    ),
)
