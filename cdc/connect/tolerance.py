"""What happens when one stage of one record fails: another attempt, the end of the task, or the record is given up (KIP-298)."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol, TypeVar

from cdc.config.connect import ERROR_POLICY
from cdc.config.definition import Config, Definition
from cdc.config.property import in_group
from cdc.connect.herder import TaskId
from cdc.errors import CdcError
from cdc.metrics.counters import ErrorCounts

log = logging.getLogger(__name__)

T = TypeVar("T")

#: The pause before the second attempt, in seconds; Connect's RETRIES_DELAY_MIN_MS.
FIRST_DELAY: Final = 0.3
LONGEST_SHOWN: Final = 200

#: The properties of error handling for sinks, and for sources, which in Connect have no dead letters.
SINK_ERRORS: Final = in_group("Error Handling", *ERROR_POLICY)
SOURCE_ERRORS: Final = SINK_ERRORS

_DEFINITION: Final = Definition(ERROR_POLICY)


class Stage(StrEnum):
    """What was being done with the record; Connect's `Stage`."""

    KAFKA_CONSUME = "KAFKA_CONSUME"
    KEY_CONVERTER = "KEY_CONVERTER"
    VALUE_CONVERTER = "VALUE_CONVERTER"
    HEADER_CONVERTER = "HEADER_CONVERTER"
    TRANSFORMATION = "TRANSFORMATION"
    TASK_PUT = "TASK_PUT"
    KAFKA_PRODUCE = "KAFKA_PRODUCE"


#: Stages of which every error can be tolerated: the record alone is at fault (TASK_PUT: the task says so, by reporting it). In the others
#: it may be the world, which is no reason to give records up, so there only what may pass by itself is tolerated.
_OF_THE_RECORD: Final = frozenset(
    {Stage.KEY_CONVERTER, Stage.VALUE_CONVERTER, Stage.HEADER_CONVERTER, Stage.TRANSFORMATION, Stage.TASK_PUT}
)


@dataclass(frozen=True, slots=True)
class ErrorSettings:
    """The properties `errors.*`. Times are in seconds; `retry_timeout` None is without end; `dead_letter_topic` "" is none."""

    retry_timeout: float | None = 0.0
    retry_delay: float = 60.0
    tolerate: bool = False
    log: bool = False
    log_records: bool = False
    dead_letter_topic: str = ""
    dead_letter_replicas: int = 3
    dead_letter_headers: bool = False

    @classmethod
    def from_properties(cls, properties: Mapping[str, str]) -> ErrorSettings:
        """Return the settings of a connector's configuration, whatever else it holds.

        Raises:
            InvalidConfig: with every problem there is; a ConfigError.
        """
        known = {each.name for each in ERROR_POLICY}
        return cls.from_config(_DEFINITION.parse({name: text for name, text in properties.items() if name in known}))

    @classmethod
    def from_config(cls, config: Config) -> ErrorSettings:
        """Return the settings of a configuration that was read by a definition with `SINK_ERRORS` or `SOURCE_ERRORS`."""
        timeout = config.integer("errors.retry.timeout")
        return cls(
            retry_timeout=None if timeout < 0 else timeout / 1000,
            retry_delay=config.integer("errors.retry.delay.max.ms") / 1000,
            tolerate=config.string("errors.tolerance") == "all",
            log=config.boolean("errors.log.enable"),
            log_records=config.boolean("errors.log.include.messages"),
            dead_letter_topic=config.string("errors.deadletterqueue.topic.name"),
            dead_letter_replicas=config.integer("errors.deadletterqueue.topic.replication.factor"),
            dead_letter_headers=config.boolean("errors.deadletterqueue.context.headers.enable"),
        )


class Origin(Protocol):
    """A record as it was before the first stage."""

    @property
    def place(self) -> str:
        """Where it stands, to complete "the record …": topic, partition and offset, or table, key and position."""

    @property
    def content(self) -> str:
        """The record, to be shown to a person who has asked for that."""


@dataclass(frozen=True, slots=True)
class SourceOrigin:
    """A change of a source, for `Tolerance.give_up`."""

    table: str
    key: str
    position: str

    @property
    def place(self) -> str:
        """See `Origin.place`."""
        return f"of table {self.table} with key {self.key} at {self.position}"

    @property
    def content(self) -> str:
        """See `Origin.content`; the key only, which `place` has."""
        return ""


class StageFailed(Exception):
    """A stage has failed for good: `executing` is the class that did it, `error` what it raised last."""

    def __init__(self, stage: Stage, executing: type, error: Exception) -> None:
        super().__init__(stage, executing, error)
        self.stage = stage
        self.executing = executing
        self.error = error


class RecordFailed(CdcError):
    """A record that the task cannot get past, under `errors.tolerance` = none."""


Report = Callable[[StageFailed], Awaitable[None]]
"""Keeps a record that is given up: when it returns, the record is safe elsewhere."""


class Tolerance:
    """The error policy of one task.

    `clock` gives seconds, `sleep` waits for seconds, `now_ms` gives milliseconds since the epoch, for `counts`. A record that is given up has been reported when `give_up` returns, so its offset
    may be committed.
    """

    def __init__(
        self,
        settings: ErrorSettings,
        task: TaskId,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        counts: ErrorCounts | None = None,
    ) -> None:
        self.counts = counts if counts is not None else ErrorCounts()
        self._settings = settings
        self._task = task
        self._clock = clock
        self._sleep = sleep
        self._now_ms = now_ms

    async def attempt(self, stage: Stage, executing: type, operation: Callable[[], T]) -> T:
        """Return what the operation does; it is called again after errors that are `retriable`, for `errors.retry.timeout`.

        Raises:
            StageFailed: with the last error.
        """
        started: float | None = None
        attempt = 0
        while True:
            try:
                return operation()
            except Exception as error:
                started = self._clock() if started is None else started
                attempt += 1
                self.counts.failures += 1
                pause = self._pause(error, attempt, started)
                if pause is None:
                    raise StageFailed(stage, executing, error) from error
            await self._sleep(pause)
            self.counts.retries += 1

    async def give_up(self, failed: StageFailed, record: Origin, report: Report | None = None) -> None:
        """Go on without the record, which `report` keeps; what that raises passes.

        Raises:
            RecordFailed: it is not to be tolerated; the sentence says where the record stands and what failed.
        """
        self._count(failed)
        if not self._tolerates(failed):
            raise self._intolerable(failed, record) from failed.error
        self.counts.skipped += 1
        if self._settings.log:
            self.counts.logged += 1
            content = f" ({_shortened(record.content)})" if self._settings.log_records and record.content else ""
            log.error("%s%s", self._fact(failed, record), content)
        if self._settings.dead_letter_topic:
            self.counts.dead_letters += 1
        if report is not None:
            await self._report(failed, report)

    async def _report(self, failed: StageFailed, report: Report) -> None:
        try:
            await report(failed)
        except Exception:
            self.counts.dead_letter_failures += 1
            raise

    def _count(self, failed: StageFailed) -> None:
        self.counts.errors += 1
        self.counts.last_ms = self._now_ms()
        if failed.stage is Stage.TASK_PUT:
            self.counts.failures += 1  # what a task reports was not attempted here

    def _pause(self, error: Exception, attempt: int, started: float) -> float | None:
        """Return how long to wait before the next attempt; None when there is none."""
        if not getattr(error, "retriable", False):
            return None
        delay = float(min(FIRST_DELAY * 2 ** min(attempt - 1, 20), self._settings.retry_delay))
        if self._settings.retry_timeout is None:
            return delay
        left = started + self._settings.retry_timeout - self._clock()
        return min(delay, left) if left > 0 else None

    def _tolerates(self, failed: StageFailed) -> bool:
        return self._settings.tolerate and (failed.stage in _OF_THE_RECORD or getattr(failed.error, "retriable", False))

    def _intolerable(self, failed: StageFailed, record: Origin) -> RecordFailed:
        advice = "Mend the cause, or set errors.tolerance to all to go on without such records"
        keep = "" if self._settings.dead_letter_topic else ", and errors.deadletterqueue.topic.name to keep them"
        own = failed.error.remedy if isinstance(failed.error, CdcError) else ""
        return RecordFailed(self._fact(failed, record), f"{own} {advice}{keep}.".lstrip())

    def _fact(self, failed: StageFailed, record: Origin) -> str:
        error = failed.error
        words = str(error).rstrip(".") if isinstance(error, CdcError) else f"{type(error).__name__}: {error}"
        stage = f"stage {failed.stage} ({failed.executing.__qualname__})"
        return f"Connector {self._task.connector}, task {self._task.task}: the record {record.place} failed in {stage}: {words}"


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"
