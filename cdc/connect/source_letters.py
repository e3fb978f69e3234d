"""Records of sources that were given up, as they go to the dead letter topic.

Key, value and the record's own headers are JSON with their schemas, `{"schema": …, "payload": …}`, whatever the connector's converters
are: as the record came from the source, before any transform. Connect's JsonConverter reads them back exactly, with
`schemas.enable=true` and `replace.null.with.default=false`. What does not fit its schema is shown as JSON can, beside the schema null.

A change of a table that its schemas cannot carry has others in its letter (`cdc.converters.change_records`), and the class that failed is
`ChangeRecords`. All other letters of tables hold exactly what went into the transforms.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Final, TypeAlias

import orjson

from cdc.converters.value_json import ConnectJsonConverter
from cdc.errors import ConversionError
from cdc.model.connect_record import SourceRecord
from cdc.model.records import RecordBatch
from cdc.model.schema import Schema

Headers: TypeAlias = tuple[tuple[str, bytes | None], ...]

#: How a dead letter is written, and read.
EXACT: Final = {"schemas.enable": "true", "replace.null.with.default": "false"}


def bury(batches: list[RecordBatch], topic: str, record: SourceRecord, context: Headers, now: int) -> None:
    """Add a record to the batches as a dead letter; `context` are headers behind its own, `now` is its timestamp."""
    own = tuple((header.key, readable(header.schema, header.value)) for header in record.headers)
    key = readable(record.key_schema, record.key)
    add_to(batches, (*own, *context), now, -1).add(topic, key, readable(record.value_schema, record.value))


def add_to(batches: list[RecordBatch], headers: Headers, timestamp: int, partition: int) -> RecordBatch:
    """Return the batch that takes a record next: the last one, unless its headers, timestamp or Kafka partition are others."""
    last = batches[-1] if batches else None
    if last is None or (last.headers, last.timestamp_ms, last.partition) != (headers, timestamp, partition):
        last = RecordBatch()
        last.headers, last.timestamp_ms, last.partition = headers, timestamp, partition
        batches.append(last)
    return last


def readable(schema: Schema | None, value: object) -> bytes | None:
    """Return a value as JSON with its schema; None for no value and no schema."""
    if schema is None and value is None:
        return None
    try:
        return exact_converter().from_connect_data("", schema, value)
    except ConversionError:
        return b'{"schema":null,"payload":' + as_json(value) + b"}"


def as_json(value: object) -> bytes:
    """Return anything as JSON: a text where it is one, else what Python shows of it."""
    try:
        return orjson.dumps(value, default=repr, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # a text that is not UTF-8, or a number beyond 64 bits
        return json.dumps(value, default=repr, skipkeys=True).encode()


@cache
def exact_converter() -> ConnectJsonConverter:
    """Return the converter that letters are written by, and can be read back with."""
    converter = ConnectJsonConverter()
    converter.configure(EXACT)
    return converter
