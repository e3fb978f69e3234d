"""Putting records of a dead letter topic back, each once: what is written and a note of it are one Kafka transaction.

The notes are in a compacted topic, `cdc-stream-replays`: key `["<dead letter topic>",{"partition":"0","offset":"17"}]`, value
`{"topic":"orders","time":1700000000000,"letter":"<hash>"}`. The committed offset of a group could only say up to where everything was
put back, while any letters may be chosen; and in the dead letter topic itself other readers would take notes for letters. The topic has
one name whatever a worker calls its topics, so that every replay finds every note. The hash is that of the letter: in a topic that was
deleted and made again, another letter stands at the same offset.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import Final

from aiokafka import errors
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.metadata import MetadataRequest

from cdc.config.settings import KafkaSettings, TopicSettings
from cdc.errors import Fenced, KafkaUnavailable, SinkError
from cdc.kafka.client import client_arguments, probe
from cdc.kafka.consumer import ConsumedRecord, read_topics
from cdc.kafka.offsets import decode_key, decode_value
from cdc.kafka.publisher import TransactionalPublisher
from cdc.model.records import RecordBatch
from cdc.offsets.base import SourceOffset, SourcePartition

NOTES: Final = "cdc-stream-replays"


@dataclass(frozen=True, slots=True)
class Note:
    """That a letter was put back: into which topic, when (in milliseconds since the epoch), and the letter's hash."""

    topic: str
    time_ms: int
    letter: str


@dataclass(frozen=True, slots=True)
class Notes:
    """What has been put back of one dead letter topic, by partition and offset."""

    by_place: Mapping[tuple[int, int], Note]

    def about(self, letter: ConsumedRecord) -> Note | None:
        """Return the note about a letter; None if it was not put back."""
        found = self.by_place.get((letter.partition, letter.offset))
        return found if found is not None and found.letter == fingerprint(letter) else None


@dataclass(frozen=True, slots=True)
class Replay:
    """A letter, and the records that it becomes; with none, only the note is written."""

    letter: ConsumedRecord
    batches: Sequence[RecordBatch]


class Replayer:
    """Puts letters of one topic back; made by `replaying`. One task at a time. `notes` holds what was put back before."""

    def __init__(self, publisher: TransactionalPublisher, topic: str, notes: Notes) -> None:
        self.notes = notes
        self._publisher = publisher
        self._topic = topic

    async def put_back(self, replays: Iterable[Replay]) -> None:
        """Write the records of some letters, in order, and the notes, in one transaction: when this returns they are there for good.

        Raises:
            Fenced: another replay of the topic has begun.
            SinkError: as `TransactionalPublisher.commit`; the letters were put back or not, all or none, and their notes tell.
        """
        found = list(replays)
        if not found:
            return
        with _explained(self._topic):
            await self._publisher.begin()
            for batch in (batch for each in found for batch in each.batches):
                await self._publisher.send(batch)
            (place, note), *others = map(_note, found)
            await self._publisher.commit(place, note, *others)


@asynccontextmanager
async def replaying(settings: KafkaSettings, topic: str) -> AsyncIterator[Replayer]:
    """Lend a replayer of a dead letter topic. One that was there before is shut out, and what it left open is aborted.

    Topics are not created, but for that of the notes.

    Raises:
        SinkError: as `TransactionalPublisher.start`, and as `read_notes`.
    """
    own = replace(
        settings,
        transactional_id=f"cdcstream-deadletters-{topic}",
        offset_topic=NOTES,
        offset_partitions=1,
        topics=TopicSettings(create=False),
    )
    publisher = TransactionalPublisher(own, topic)
    try:
        with _explained(topic):
            await publisher.start()
        # Not before: from here on no other replay can write a note.
        yield Replayer(publisher, topic, await read_notes(settings, topic))
    finally:
        await publisher.close()


async def read_notes(settings: KafkaSettings, topic: str) -> Notes:
    """Return what has been put back of a dead letter topic.

    Raises:
        KafkaUnavailable, KafkaRefused: as `read_topics`.
        SinkError: a note cannot be read.
    """
    found: dict[tuple[int, int], Note] = {}
    async for record in read_topics(settings, [NOTES]):
        owner, place = decode_key(record.key) or ("", {})
        if owner != topic:
            continue
        try:
            where = int(place["partition"]), int(place["offset"])
            note = _read(decode_value(record.value))
        except (KeyError, ValueError) as error:
            fact = f"The note in topic {NOTES}, partition {record.partition}, offset {record.offset} cannot be read: {error}"
            raise SinkError(
                fact, "Write a record without value under the same key to have that letter put back."
            ) from error
        if note is None:
            found.pop(where, None)
        else:
            found[where] = note
    return Notes(found)


def fingerprint(letter: ConsumedRecord) -> str:
    """Return a hash of all that a letter holds."""
    content = (letter.timestamp_ms, letter.key, letter.value, letter.headers)
    return hashlib.sha256(repr(content).encode()).hexdigest()


async def partition_counts(settings: KafkaSettings, topics: Iterable[str]) -> dict[str, int]:
    """Return how many partitions each of the topics has, for those that exist.

    Raises:
        KafkaUnavailable: no broker answers.
        KafkaRefused: one answers, but not to us.
    """
    arguments = await client_arguments(settings)
    await probe(settings, arguments)
    client = AIOKafkaClient(**arguments)
    try:
        await client.bootstrap()
        request = MetadataRequest(list(topics), allow_auto_topic_creation=False)
        response = await client.send(client.get_random_node(), request)
        return {name: len(partitions) for _code, name, _internal, partitions, *_ in response.topics if partitions}
    except errors.KafkaError as error:
        raise KafkaUnavailable(f"Kafka does not tell its topics: {error}", "It may be tried again.") from error
    finally:
        await client.close()


def _note(replay: Replay) -> tuple[SourcePartition, SourceOffset]:
    """Return a note as the publisher takes it: in the shape of an offset."""
    letter = replay.letter
    topics = sorted({topic for batch in replay.batches for topic in batch.topics})
    note: SourceOffset = {"topic": ",".join(topics), "time": time.time_ns() // 1_000_000, "letter": fingerprint(letter)}
    return {"partition": str(letter.partition), "offset": str(letter.offset)}, note


def _read(note: SourceOffset | None) -> Note | None:
    return None if note is None else Note(str(note["topic"]), int(str(note["time"])), str(note["letter"]))


@contextmanager
def _explained(topic: str) -> Iterator[None]:
    try:
        yield
    except Fenced as error:
        fact = f"Another replay of topic {topic} has begun, and this one was ended"
        raise Fenced(fact, "Wait for the other one; the list of dead letters then shows what was put back.") from error
