"""The committed offsets of connectors, as REST shows and changes them: a source's in the offset topic, a sink's in its consumer group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from cdc.config.settings import KafkaSettings
from cdc.connect.herder import ConnectorOffset, RequestError
from cdc.kafka.group_offsets import committed_offsets, remove_offsets, store_offsets
from cdc.kafka.offsets import KafkaOffsetStore
from cdc.kafka.publisher import TransactionalPublisher
from cdc.model.connect_record import TopicPartition
from cdc.model.position import Offset
from cdc.offsets.base import SourcePartition

_SHAPE: Final = 'Give {"partition": {"kafka_topic": "…", "kafka_partition": 0}, "offset": {"kafka_offset": 0}}; null removes an offset.'


def group_of(connector: str) -> str:
    """Return the consumer group of a sink connector."""
    return f"connect-{connector}"


async def source_offsets(kafka: KafkaSettings, connector: str) -> Sequence[ConnectorOffset]:
    """Return the offsets that a source connector has committed; nobody is fenced by it."""
    store = KafkaOffsetStore(kafka, connector, TransactionalPublisher(kafka, connector))
    return [ConnectorOffset(partition, offset) for partition, offset in await store.load_all()]


async def store_source_offsets(
    kafka: KafkaSettings, connector: str, offsets: Sequence[tuple[SourcePartition, Offset | None]]
) -> None:
    """Store offsets in one transaction, None removing one; whatever still runs under the connector's name is fenced."""
    if not offsets:
        return
    publisher = TransactionalPublisher(kafka, connector)
    try:
        await publisher.start()
        await publisher.begin()
        first, *others = offsets
        await publisher.commit(*first, *others)
    finally:
        await publisher.close()


async def sink_offsets(kafka: KafkaSettings, connector: str) -> Sequence[ConnectorOffset]:
    """Return the offsets that a sink connector has committed, in the order of the partitions."""
    found = await committed_offsets(kafka, group_of(connector))
    return [_shown(partition, offset) for partition, offset in found.items()]


async def store_sink_offsets(kafka: KafkaSettings, connector: str, offsets: dict[TopicPartition, int | None]) -> None:
    """Store offsets in the consumer group, None removing one; the group's tasks must have stopped."""
    group = group_of(connector)
    if None in offsets.values():
        kept = {p: o for p, o in (await committed_offsets(kafka, group)).items() if p not in offsets}
        await remove_offsets(kafka, group)
        offsets = {**kept, **offsets}
    wanted = {partition: offset for partition, offset in offsets.items() if offset is not None}
    if wanted:
        await store_offsets(kafka, group, wanted)


async def reset_sink_offsets(kafka: KafkaSettings, connector: str) -> None:
    """Remove all offsets of a sink connector."""
    await remove_offsets(kafka, group_of(connector))


def sink_request(offsets: Sequence[ConnectorOffset]) -> dict[TopicPartition, int | None]:
    """Return what a request to alter a sink's offsets asks for; raises RequestError for one of another shape."""
    return {_partition(each.partition): _offset(each) for each in offsets}


def _partition(partition: Any) -> TopicPartition:
    match dict(partition):
        case {"kafka_topic": str(topic), "kafka_partition": number, **rest} if topic and not rest:
            if (whole := _whole(number)) is not None:
                return TopicPartition(topic, whole)
    raise RequestError(f"{dict(partition)} is not the partition of a sink connector", _SHAPE)


def _offset(given: ConnectorOffset) -> int | None:
    if given.offset is None:
        return None
    match dict(given.offset):
        case {"kafka_offset": number, **rest} if not rest and (whole := _whole(number)) is not None:
            return whole
    raise RequestError(f"{dict(given.offset)} is not the offset of a sink connector", _SHAPE)


def _whole(number: object) -> int | None:
    """Return a number that is not negative, which may be a text, as Connect takes it; None for anything else."""
    if isinstance(number, str) and number.isdecimal():
        return int(number)
    return number if isinstance(number, int) and not isinstance(number, bool) and number >= 0 else None


def _shown(partition: TopicPartition, offset: int) -> ConnectorOffset:
    return ConnectorOffset(
        {"kafka_topic": partition.topic, "kafka_partition": partition.partition}, {"kafka_offset": offset}
    )
