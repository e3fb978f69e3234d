"""Small tables, and their rows as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from cdc.config import ConverterSettings
from cdc.converters.base import BatchConverter
from cdc.converters.json import JsonConverter
from cdc.model.batch import ChangeBatch
from cdc.model.records import RecordBatch
from cdc.model.schema import INT64, STRING, ConnectType, Decimal, Field, Schema, struct
from cdc.model.table import Column, Table, TableId

PLACEHOLDER = b"__debezium_unavailable_value"
STAMP_NS = 1_700_000_000_123_456_789
SOURCE = struct("source", (Field("name", STRING), Field("lsn", INT64.as_optional())))
BARE = ConverterSettings(schemas_enable=False)


def table(*schemas: Schema, key: tuple[int, ...] = (0,), names: Sequence[str] = "abcdefghijklmnop") -> Table:
    """Return table s.t with one column for each schema, named by letters unless `names` are given."""
    columns = tuple(Column(name, schema) for name, schema in zip(names, schemas, strict=False))
    return Table(TableId("s", "t"), "p.s.t", columns, key, SOURCE, {"name": "p"})


def batch(*changes: tuple[str, Table, Any, Any], tombstones: bool = True) -> ChangeBatch:
    changed = ChangeBatch(tombstones)
    changed.stamp_ns = STAMP_NS
    for number, (op, of, before, after) in enumerate(changes):
        changed.add(op, of, before, after, (number,))
    return changed


def converter(key: ConverterSettings = BARE, value: ConverterSettings = BARE, **options: Any) -> BatchConverter:
    return JsonConverter(key, value, options.get("headers", ()), options.get("unavailable", PLACEHOLDER))


def convert(*changes: tuple[str, Table, Any, Any], **options: Any) -> RecordBatch:
    return converter(**options).convert(batch(*changes))


def text_of(schema: Schema, content: object, **options: Any) -> str:
    """Return what one value becomes, as the only column of a table without key."""
    _, _, encoded, _ = convert(("c", table(schema, key=()), None, (content,)), **options)[0]
    assert encoded is not None
    lead, tail = b'{"before":null,"after":{"a":', b'},"source":{'
    assert encoded.startswith(lead)
    return encoded[len(lead) : encoded.index(tail)].decode()


def after_of(schema: Schema, content: object, **options: Any) -> Any:
    return json.loads(text_of(schema, content, **options))


def decimal_schema(scale: int, optional: bool = False, default: Decimal | None = None) -> Schema:
    name, parameters = "org.apache.kafka.connect.data.Decimal", {"scale": str(scale)}
    return Schema(ConnectType.BYTES, optional=optional, name=name, version=1, parameters=parameters, default=default)
