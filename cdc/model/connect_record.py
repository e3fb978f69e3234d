"""Records as connectors and transforms see them: one at a time, with the schemas of key and value.

A value is what its schema says: bool, int, float, str, bytes, `decimal.Decimal` for Connect's Decimal, a list for an array, a dict for a
map or a struct (by field name), None for null. Dates and times are the integers of their semantic types, as they go over the wire.
Without a schema a value is what JSON can hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from cdc.model.position import Offset
from cdc.model.schema import Schema

NO_PARTITION: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class SchemaAndValue:
    """A value and its schema, None where it has none; Connect's `SchemaAndValue`."""

    schema: Schema | None
    value: object


@dataclass(frozen=True, slots=True)
class Header:
    """A record header before it is converted to bytes; the same key may stand there more than once."""

    key: str
    schema: Schema | None
    value: object


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRecord:
    """A record on its way to Kafka.

    `source_partition` and `source_offset` say where in the source it ends: a task that is started with that offset goes on behind it.
    `kafka_partition` None lets the key decide; `timestamp_ms` None is the time of publishing, in milliseconds since the epoch.
    """

    topic: str
    value: object = None
    value_schema: Schema | None = None
    key: object = None
    key_schema: Schema | None = None
    kafka_partition: int | None = None
    timestamp_ms: int | None = None
    headers: tuple[Header, ...] = ()
    source_partition: Mapping[str, str] = field(default_factory=lambda: NO_PARTITION)
    source_offset: Offset = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Aside:
    """A record that a source publishes beside the rows of a batch; it comes before the batch's row `row`.

    `sign` says that it holds no data: a heartbeat, or the mark of a transaction. `context` says that it carries the headers that rows carry.
    """

    row: int
    record: SourceRecord
    sign: bool = False
    context: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkRecord:
    """A record that was read from Kafka.

    `topic`, `kafka_partition` and `kafka_offset` say where it stands there, whatever transforms have done to `topic` since: the
    originals are in `original_topic`, `original_partition` and `original_offset`, and those are what a task's offsets count.
    """

    topic: str
    kafka_partition: int
    kafka_offset: int
    value: object = None
    value_schema: Schema | None = None
    key: object = None
    key_schema: Schema | None = None
    timestamp_ms: int | None = None
    headers: tuple[Header, ...] = ()
    original_topic: str
    original_partition: int
    original_offset: int


ConnectRecord: TypeAlias = SourceRecord | SinkRecord
"""What transforms and predicates take; `dataclasses.replace` makes a changed one."""


@dataclass(frozen=True, slots=True, order=True)
class TopicPartition:
    """A partition of a topic."""

    topic: str
    partition: int
