"""What tasks count. Each has one writer, which adds once a batch or commit and never for a row; anyone on the same loop may read.

Times are in seconds, and come from a clock that never goes back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

#: A rate is that of the last 30 to 60 seconds, as Kafka's two samples of `metrics.sample.window.ms` are.
WINDOW_SECONDS: Final = 30.0


@dataclass(slots=True)
class Measure:
    """How large something was, each time."""

    count: int = 0
    total: float = 0.0
    largest: float = 0.0

    def add(self, value: float) -> None:
        """Take another one."""
        self.count += 1
        self.total += value
        self.largest = max(self.largest, value)

    @property
    def average(self) -> float | None:
        """The mean of all; None when there was none."""
        return self.total / self.count if self.count else None

    @property
    def maximum(self) -> float | None:
        """The largest of all; None when there was none."""
        return self.largest if self.count else None


@dataclass(slots=True)
class Meter:
    """How many there were, and how many a second of late."""

    total: int = 0
    _began: float | None = None
    _at_start: int = 0
    _before: tuple[float, int] | None = None

    def add(self, number: int, now: float) -> None:
        """Count some more."""
        self._move(now)
        self.total += number

    def rate(self, now: float) -> float | None:
        """Return how many a second there were in the last 30 to 60 seconds, or since the first; None before that."""
        if self._began is None:
            return None
        self._move(now)
        since, before = self._before or (self._began, self._at_start)
        return (self.total - before) / (now - since) if now > since else None

    def _move(self, now: float) -> None:
        """Begin another window when the present one is over; a window without any count is the one before it, too."""
        if self._began is None:
            self._began = now
        elif now - self._began >= WINDOW_SECONDS:
            long_ago = now - self._began >= 2 * WINDOW_SECONDS
            self._before = (now - WINDOW_SECONDS, self.total) if long_ago else (self._began, self._at_start)
            self._began, self._at_start = now, self.total


@dataclass(slots=True)
class ErrorCounts:
    """What the error policy of a task has met; Connect's task-error-metrics. `last_ms` is when, in milliseconds since the epoch."""

    failures: int = 0
    errors: int = 0
    skipped: int = 0
    retries: int = 0
    logged: int = 0
    dead_letters: int = 0
    dead_letter_failures: int = 0
    last_ms: int | None = None


@dataclass(slots=True)
class SourceCounts:
    """What a source task has read, and what of it is in Kafka for good. `active` are records that were read and are not there yet."""

    polled: Meter = field(default_factory=Meter)
    written: Meter = field(default_factory=Meter)
    active: int = 0
    poll_seconds: Measure = field(default_factory=Measure)
    transaction_sizes: Measure = field(default_factory=Measure)


@dataclass(slots=True)
class SinkCounts:
    """What a sink task has read from Kafka and was given. `active` are offsets that it was given and that are not committed yet."""

    read: Meter = field(default_factory=Meter)
    sent: Meter = field(default_factory=Meter)
    active: int = 0
    partitions: int = 0
    put_seconds: Measure = field(default_factory=Measure)


@dataclass(slots=True)
class TaskCounts:
    """What one start of one task counts; of `source` and `sink` the one that it is."""

    batch_sizes: Measure = field(default_factory=Measure)
    commit_seconds: Measure = field(default_factory=Measure)
    failed_commits: int = 0
    source: SourceCounts = field(default_factory=SourceCounts)
    sink: SinkCounts = field(default_factory=SinkCounts)
    errors: ErrorCounts = field(default_factory=ErrorCounts)

    @property
    def commit_success(self) -> float | None:
        """The share of commits that succeeded, from 0 to 1; None when there was none."""
        tried = self.commit_seconds.count + self.failed_commits
        return self.commit_seconds.count / tried if tried else None


@dataclass(slots=True)
class HistoryCounts:
    """What a source has done with its schema history since it was started; Debezium's schema history metrics.

    `status` is Debezium's word. `recovery_began` is in seconds since the epoch, None without a recovery; the moments are those of the last change.
    """

    status: str = "STOPPED"
    recovery_began: float | None = None
    recovered: int = 0
    applied: int = 0
    last_recovered: float | None = None
    last_applied: float | None = None

    @contextmanager
    def recovering(self, began: float) -> Iterator[None]:
        """Note that the history is read meanwhile, which began so many seconds after the epoch."""
        self.recovery_began, self.status = began, "RECOVERING"
        yield
        self.status = "RUNNING"

    def recover(self, now: float) -> None:
        """Count a change that was read from the history."""
        self.recovered += 1
        self.last_recovered = now

    def apply(self, now: float) -> None:
        """Count a change of the definitions, one of the history or of the log."""
        self.applied += 1
        self.last_applied = now


@dataclass(slots=True)
class Attempts:
    """How often something was tried, and how it ended; those under way count among neither."""

    total: int = 0
    succeeded: int = 0
    failed: int = 0

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Count what is done meanwhile: it has failed when it raises."""
        self.total += 1
        try:
            yield
        except Exception:
            self.failed += 1
            raise
        self.succeeded += 1


@dataclass(slots=True)
class Startups:
    """How connectors and tasks came up on this worker."""

    connectors: Attempts = field(default_factory=Attempts)
    tasks: Attempts = field(default_factory=Attempts)
