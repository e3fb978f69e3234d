"""Dead letters put back: to the topic that they were read from, as they were."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol, TypeAlias

from cdc.config.settings import KafkaSettings
from cdc.connect.dead_letter_reader import Letter, Selection, read_letters
from cdc.errors import CdcError, KafkaRefused
from cdc.kafka.replays import Notes, Replay, partition_counts, read_notes, replaying
from cdc.model.records import RecordBatch

#: What one transaction takes at most.
LETTERS: Final = 500
BYTES: Final = 8 << 20


class NotReplayable(CdcError):
    """A letter that cannot be put back, whatever Kafka says."""


class Forwarder(Protocol):
    """Makes records of letters."""

    async def records(self, letter: Letter) -> Sequence[RecordBatch]:
        """Return what a letter becomes; raises NotReplayable."""


class Fate(Enum):
    """What became of a letter."""

    PUT_BACK = "put back"
    BEFORE = "put back before"
    REFUSED = "not put back"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a letter, and the records that it became; `error` says why there are none."""

    letter: Letter
    fate: Fate
    batches: Sequence[RecordBatch] = ()
    error: NotReplayable | None = None


_PutBack: TypeAlias = Callable[[Sequence[Replay]], Awaitable[None]]


async def replay(
    settings: KafkaSettings,
    topic: str,
    selection: Selection,
    forwarder: Forwarder,
    report: Callable[[Outcome], None],
    *,
    again: bool = False,
    dry_run: bool = False,
) -> None:
    """Put the chosen letters of a topic back, each once; `report` is told of each when it is there for good.

    They keep their order within a partition. A transaction takes at most `LETTERS` of them: when this is ended in the middle, some are
    put back, and noted, and the next replay does the rest. One that cannot be put back does not hold up the others. With `again`, those
    that were put back before are put back once more; with `dry_run` nothing is written.

    Raises:
        SinkError: as `read_letters`, `replaying` and `Replayer.put_back`.
    """
    async with (
        _means(settings, topic, dry_run=dry_run) as (notes, put_back),
        aclosing(_portions(read_letters(settings, topic, selection))) as portions,
    ):
        async for letters in portions:
            outcomes = [await _outcome(each, notes, forwarder, again=again) for each in letters]
            await put_back([Replay(o.letter.record, o.batches) for o in outcomes if o.fate is Fate.PUT_BACK])
            for outcome in outcomes:
                report(outcome)


@asynccontextmanager
async def _means(settings: KafkaSettings, topic: str, *, dry_run: bool) -> AsyncIterator[tuple[Notes, _PutBack]]:
    if dry_run:
        yield await read_notes(settings, topic), _write_nothing
        return
    async with replaying(settings, topic) as replayer:
        yield replayer.notes, replayer.put_back


async def _write_nothing(_replays: Sequence[Replay]) -> None:
    """Stand in for `Replayer.put_back`."""


async def _portions(letters: AsyncGenerator[Letter, None]) -> AsyncGenerator[list[Letter], None]:
    """Yield letters in lists that fit into a transaction."""
    portion: list[Letter] = []
    size = 0
    async with aclosing(letters):
        async for letter in letters:
            portion.append(letter)
            size += len(letter.record.key or b"") + len(letter.record.value or b"")
            if len(portion) >= LETTERS or size >= BYTES:
                yield portion
                portion, size = [], 0
    if portion:
        yield portion


async def _outcome(letter: Letter, notes: Notes, forwarder: Forwarder, *, again: bool) -> Outcome:
    if not again and notes.about(letter.record) is not None:
        return Outcome(letter, Fate.BEFORE)
    try:
        return Outcome(letter, Fate.PUT_BACK, await forwarder.records(letter))
    except NotReplayable as error:
        return Outcome(letter, Fate.REFUSED, error=error)


class Partitions:
    """How many partitions topics have; each is asked for once."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._known: dict[str, int] = {}

    async def of(self, topic: str) -> int:
        """Return the number; 0 if there is no such topic. Raises as `partition_counts`."""
        if topic not in self._known:
            self._known[topic] = (await partition_counts(self._settings, [topic])).get(topic, 0)
        return self._known[topic]

    async def check(self, topic: str) -> int:
        """Return the number; raises NotReplayable if there is no such topic."""
        count = await self.of(topic)
        if not count:
            raise NotReplayable(f"there is no topic {topic}", "Create it, or name another one with --to.")
        return count


@dataclass(frozen=True, slots=True)
class AsItWas:
    """A `Forwarder` of letters that sinks have written: the record as it was read, into the topic that it was read from, or into `to`.

    It gets key, value and its own headers; those that say what failed are left out. Its timestamp is now: a topic's retention counts from
    it, and the broker would delete an old record again. It goes into the partition that it was read from; where the topic has none of
    that number, its key decides.
    """

    partitions: Partitions
    to: str = ""

    async def check(self) -> None:
        """Raise KafkaRefused if there is no topic `to`."""
        if self.to and not await self.partitions.of(self.to):
            raise KafkaRefused(f"Kafka has no topic {self.to}", "Create it, or name another one.")

    async def records(self, letter: Letter) -> Sequence[RecordBatch]:
        """See `Forwarder.records`."""
        if letter.from_source:
            raise _of_a_source(letter)
        topic = self.to or letter.topic
        if not topic:
            raise _of_no_topic()
        return [_as_it_was(letter, topic, await self.partitions.check(topic))]


def _as_it_was(letter: Letter, topic: str, count: int) -> RecordBatch:
    record, number = letter.record, letter.errors.get("partition", "")
    batch = RecordBatch()
    batch.headers = letter.headers
    batch.timestamp_ms = time.time_ns() // 1_000_000
    batch.partition = int(number) if number.isascii() and number.isdigit() and int(number) < count else -1
    batch.add(topic, record.key, record.value)
    return batch


def _of_a_source(letter: Letter) -> NotReplayable:
    fact = f"it is a change that the source connector {letter.connector} could not publish, and never was a record of a topic"
    remedy = "Give the connector's configuration with --source-config, and it is transformed and converted anew."
    return NotReplayable(fact, remedy)


def _of_no_topic() -> NotReplayable:
    fact = "it has no header __connect.errors.topic, which would say where it came from"
    remedy = (
        "Name a topic with --to; and set errors.deadletterqueue.context.headers.enable of the connector for the future."
    )
    return NotReplayable(fact, remedy)
