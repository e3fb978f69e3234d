"""Records that were given up, as they go to the dead letter topic: the original, and what failed in Connect's headers."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import Final, Protocol

from cdc.connect.herder import TaskId
from cdc.connect.tolerance import ErrorSettings, StageFailed
from cdc.kafka.consumer import ConsumedRecord
from cdc.kafka.dead_letters import DeadLetter

PREFIX: Final = "__connect.errors."
LONGEST_SHOWN: Final = 80


class DeadLetterWriter(Protocol):
    """Where dead letters go; `cdc.kafka.dead_letters.KafkaDeadLetterWriter`."""

    async def write(self, record: DeadLetter) -> None:
        """Write a record; on return it is there for good. Raises SinkError."""


@dataclass(frozen=True, slots=True)
class SinkOrigin:
    """A record as a sink read it, for `Tolerance.give_up`."""

    record: ConsumedRecord

    @property
    def place(self) -> str:
        """See `Origin.place`."""
        return f"of topic {self.record.topic}, partition {self.record.partition}, offset {self.record.offset}"

    @property
    def content(self) -> str:
        """See `Origin.content`."""
        return f"key {_shown(self.record.key)}, value {_shown(self.record.value)}"


@dataclass(frozen=True, slots=True)
class DeadLetterQueue:
    """Keeps the records that one sink task gives up; without `writer` they are dropped, as the configuration asks."""

    settings: ErrorSettings
    task: TaskId
    writer: DeadLetterWriter | None = None

    async def keep(self, record: ConsumedRecord, failed: StageFailed) -> None:
        """Write the record; raises SinkError when it cannot be kept."""
        if self.writer is not None:
            await self.writer.write(dead_letter(record, failed, self.task, self.settings))


def dead_letter(record: ConsumedRecord, failed: StageFailed, task: TaskId, settings: ErrorSettings) -> DeadLetter:
    """Return the record as it was read, with Connect's headers behind its own if they are asked for.

    A header that the record has already stays as it is (`DeadLetterQueueReporter` of Kafka 4.0).
    """
    headers: tuple[tuple[str, bytes | None], ...] = record.headers
    if settings.dead_letter_headers:
        present = {name for name, _ in headers}
        headers += tuple(each for each in context_headers(record, failed, task) if each[0] not in present)
    timestamp = record.timestamp_ms if record.timestamp_ms >= 0 else None
    return DeadLetter(settings.dead_letter_topic, record.key, record.value, headers, timestamp)


def context_headers(record: ConsumedRecord, failed: StageFailed, task: TaskId) -> list[tuple[str, bytes]]:
    """Return the headers that say where the record stood and what failed, in Connect's order."""
    texts = (
        ("topic", record.topic),
        ("partition", str(record.partition)),
        ("offset", str(record.offset)),
        *failure_texts(failed, task),
    )
    return [(PREFIX + name, text.encode(errors="backslashreplace")) for name, text in texts]


def failure_texts(failed: StageFailed, task: TaskId) -> tuple[tuple[str, str], ...]:
    """Return names, without the prefix, and texts of the headers that say what failed, whatever the record's origin."""
    error = failed.error
    return (
        ("connector.name", task.connector),
        ("task.id", str(task.task)),
        ("stage", failed.stage),
        ("class.name", _class_name(failed.executing)),
        ("exception.class.name", _class_name(type(error))),
        ("exception.message", str(error)),
        ("exception.stacktrace", "".join(traceback.format_exception(error))),
    )


def _class_name(found: type) -> str:
    return f"{found.__module__}.{found.__qualname__}"


def _shown(data: bytes | None) -> str:
    if data is None:
        return "null"
    return f"{data[:LONGEST_SHOWN]!r}{'…' if len(data) > LONGEST_SHOWN else ''}"
