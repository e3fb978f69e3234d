"""Records of every kind that a transform or a predicate may meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from cdc.model.connect_record import ConnectRecord, Header, SinkRecord, SourceRecord
from cdc.model.schema import BOOLEAN, BYTES, FLOAT64, INT32, INT64, STRING, ConnectType, Field, Schema, array, struct

_DECIMAL: Final = Schema(
    ConnectType.BYTES, name="org.apache.kafka.connect.data.Decimal", version=1, parameters={"scale": "2"}
)
_ADDRESS: Final = struct("address", [Field("city", STRING), Field("zip", STRING.as_optional())], optional=True)
_ORDER: Final = struct(
    "order",
    [
        Field("id", INT64),
        Field("name", STRING.as_optional()),
        Field("total", _DECIMAL.as_optional()),
        Field("at", Schema(ConnectType.INT64, name="org.apache.kafka.connect.data.Timestamp", version=1)),
        Field("tags", array(STRING, optional=True)),
        Field("address", _ADDRESS),
        Field("raw", BYTES.as_optional()),
    ],
)
_KEY: Final = struct("key", [Field("id", INT64)])
_MAP: Final = Schema(ConnectType.MAP, keys=STRING, values=INT32.as_optional())
PLACE: Final = 7


@dataclass(frozen=True, slots=True)
class _Side:
    """A key or a value."""

    value: object = None
    schema: Schema | None = None


def _order() -> dict[str, object]:
    return {
        "id": 1,
        "name": "Grüße 東京 😀",
        "total": Decimal("12.50"),
        "at": 1_700_000_000_000,
        "tags": ["a", ""],
        "address": {"city": "Bonn", "zip": None},
        "raw": b"\xff\x00",
    }


def _nothing_in_it() -> dict[str, object]:
    return {"id": 0, "name": None, "total": None, "at": 0, "tags": None, "address": None, "raw": None}


def _sides() -> Iterator[_Side]:
    """Yield keys and values of every kind: with a schema and without, null, nested, simple."""
    yield _Side()
    yield _Side(None, _ORDER.as_optional())
    yield _Side(None, STRING.as_optional())
    yield _Side(_order(), _ORDER)
    yield _Side(_nothing_in_it(), _ORDER)
    yield _Side({"id": 1}, _KEY)
    yield _Side({}, struct("empty", []))
    yield _Side({"a": 1, "b": None}, _MAP)
    yield _Side({"id": 1, "name": None, "address": {"city": "Bonn"}, "tags": [1, "a", None]})
    yield _Side({})
    yield _Side([_order()], array(_ORDER))
    yield _Side([])
    yield _Side("", STRING)
    yield _Side("text")
    yield _Side(b"\xff\x00", BYTES)
    yield _Side(b"")
    yield _Side(-1, INT32)
    yield _Side(2**70)
    yield _Side(float("nan"), FLOAT64)
    yield _Side(True, BOOLEAN)
    yield _Side(Decimal("-0.01"), _DECIMAL)


@dataclass(frozen=True, slots=True)
class _Around:
    """What a record has beside its value."""

    key: _Side = field(default_factory=_Side)
    timestamp_ms: int | None = None
    kafka_partition: int | None = None
    headers: tuple[Header, ...] = ()


def _arounds() -> Iterator[_Around]:
    yield _Around()
    yield _Around(key=_Side({"id": 1}, _KEY), timestamp_ms=1_700_000_000_000, kafka_partition=3)
    headers = (
        Header("trace", STRING, "a"),
        Header("trace", STRING, "b"),
        Header("", None, None),
        Header("n", INT32, 1),
        Header("map", None, {"a": [1]}),
    )
    yield _Around(key=_Side("k"), headers=headers)


def odd_values() -> Iterator[tuple[Schema | None, object]]:
    """Yield schemas and values of every kind."""
    for side in _sides():
        yield side.schema, side.value


def odd_records() -> Iterator[ConnectRecord]:
    """Yield records of sources and of sinks, new ones at each call; each key and value is there without neighbours too."""
    for around in _arounds():
        for value in _sides():
            yield _source(around, value)
            yield _sink(around, value)
    for key in _sides():
        yield _source(_Around(key), _Side(_order(), _ORDER))
        yield _sink(_Around(key), _Side())


def _source(around: _Around, value: _Side) -> SourceRecord:
    return SourceRecord(
        topic="shop.public.orders",
        key=around.key.value,
        key_schema=around.key.schema,
        value=value.value,
        value_schema=value.schema,
        kafka_partition=around.kafka_partition,
        timestamp_ms=around.timestamp_ms,
        headers=around.headers,
        source_partition={"server": "shop"},
        source_offset={"lsn": PLACE},
    )


def _sink(around: _Around, value: _Side) -> SinkRecord:
    return SinkRecord(
        topic="shop.public.orders",
        kafka_partition=around.kafka_partition or 0,
        kafka_offset=PLACE,
        key=around.key.value,
        key_schema=around.key.schema,
        value=value.value,
        value_schema=value.schema,
        timestamp_ms=around.timestamp_ms,
        headers=around.headers,
        original_topic="shop.public.orders",
        original_partition=around.kafka_partition or 0,
        original_offset=PLACE,
    )


def origin(record: ConnectRecord) -> Mapping[str, object]:
    """Return where a record comes from, which nobody may change: a task's offsets count that."""
    if isinstance(record, SourceRecord):
        return {"partition": record.source_partition, "offset": record.source_offset}
    return {
        "topic": record.original_topic,
        "partition": record.original_partition,
        "offset": record.original_offset,
    }
