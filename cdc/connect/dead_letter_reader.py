"""Dead letters as they are read: what stands in Connect's headers, whichever worker wrote them, and what may be chosen by."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cdc.config.settings import KafkaSettings
from cdc.connect.dead_letters import PREFIX
from cdc.errors import ConfigError, KafkaRefused
from cdc.kafka.consumer import ConsumedRecord, read_topics
from cdc.kafka.replays import partition_counts

_OF_SOURCES: Final = "source.offset"


class Place(NamedTuple):
    """Where a letter stands in its topic."""

    partition: int
    offset: int

    def __str__(self) -> str:
        """Return it as it is written on the command line."""
        return f"{self.partition}:{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Place:
        """Return the place that `PARTITION:OFFSET` means; raises ConfigError."""
        partition, _, offset = text.partition(":")
        if not (partition.isascii() and partition.isdigit() and offset.isascii() and offset.isdigit()):
            raise ConfigError(f"{text!r} is not the place of a letter", "Give PARTITION:OFFSET, as in 0:17.")
        return cls(int(partition), int(offset))


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter. `errors` are the texts of Connect's headers by the rest of their names, of which there may be none."""

    record: ConsumedRecord
    errors: Mapping[str, str]

    @classmethod
    def of(cls, record: ConsumedRecord) -> Letter:
        """Return a record of a dead letter topic; of headers that stand there more than once the last one counts."""
        found = {name: value for name, value in record.headers if name.startswith(PREFIX)}
        return cls(record, {name.removeprefix(PREFIX): _text(value) for name, value in found.items()})

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.record.partition, self.record.offset)

    @property
    def headers(self) -> tuple[tuple[str, bytes | None], ...]:
        """The record's own headers, in order."""
        return tuple(each for each in self.record.headers if not each[0].startswith(PREFIX))

    @property
    def connector(self) -> str:
        """The connector that gave it up; "" if it is not told."""
        return self.errors.get("connector.name", "")

    @property
    def stage(self) -> str:
        """What was being done with it; "" if it is not told."""
        return self.errors.get("stage", "")

    @property
    def topic(self) -> str:
        """The topic that it was read from, or that a source meant it for; "" if it is not told."""
        return self.errors.get("topic", "")

    @property
    def from_source(self) -> bool:
        """Whether a source connector has written it: then it never was a record of a topic."""
        return _OF_SOURCES in self.errors

    @property
    def origin(self) -> str:
        """Where it came from: topic-partition@offset, or the source's table or topic, partition and offset; "" if it is not told."""
        if self.from_source:
            return f"{self.errors.get('source.table') or self.topic} {self.errors.get('source.partition', '')} {self.errors[_OF_SOURCES]}"
        return (
            f"{self.topic}-{self.errors.get('partition', '?')}@{self.errors.get('offset', '?')}" if self.topic else ""
        )

    @property
    def problem(self) -> str:
        """The exception: its class, and the first line of what it says."""
        kind = self.errors.get("exception.class.name", "").rpartition(".")[2]
        words = self.errors.get("exception.message", "").strip().partition("\n")[0]
        return ": ".join(filter(None, (kind, words)))


@dataclass(frozen=True, slots=True)
class Selection:
    """Which letters are meant: those at `places`, or all if there are none; of one connector, of one stage, if they are given."""

    places: Collection[Place] = field(default_factory=frozenset)
    connector: str = ""
    stage: str = ""

    @classmethod
    def at(cls, places: Iterable[str]) -> Selection:
        """Return the letters at places written as `PARTITION:OFFSET`; raises ConfigError."""
        return cls(frozenset(map(Place.parse, places)))

    def takes(self, letter: Letter) -> bool:
        """Tell whether a letter is meant."""
        return (
            (not self.places or letter.place in self.places)
            and self.connector in {"", letter.connector}
            and self.stage.upper() in {"", letter.stage}
        )


async def read_letters(settings: KafkaSettings, topic: str, selection: Selection) -> AsyncGenerator[Letter, None]:
    """Yield the letters that are meant, in offset order within a partition, to the end that the topic has at the beginning.

    Raises:
        KafkaRefused: there is no such topic, it may not be read, or there is no letter at one of the places.
        KafkaUnavailable: no broker answers, or the end is not reached.
    """
    if topic not in await partition_counts(settings, [topic]):
        raise KafkaRefused(f"Kafka has no topic {topic}", "Check the name, and bootstrap.servers.")
    missing = set(selection.places)
    async with aclosing(read_topics(settings, [topic])) as records:
        async for record in records:
            letter = Letter.of(record)
            if selection.takes(letter):
                missing.discard(letter.place)
                yield letter
                if selection.places and not missing:
                    return
    if missing:
        fact = f"Topic {topic} has no letter at {', '.join(map(str, sorted(missing)))}"
        raise KafkaRefused(fact, "The list of dead letters shows what there is.")


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="backslashreplace")
