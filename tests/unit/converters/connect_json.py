"""Reads Connect's JSON back into schemas, tables and batches, so that what Debezium wrote can be written again and compared."""

from __future__ import annotations

import decimal
import json
from base64 import b64decode
from typing import Any

from cdc.model.batch import ChangeBatch
from cdc.model.schema import ConnectType, Decimal, Default, Field, Schema
from cdc.model.table import Column, Table, TableId

CONSTANTS = ("version", "connector", "name", "db", "schema", "table")
Json = dict[str, Any]


def compact(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def schema_of(described: Json) -> Schema:
    nested: Any = {name: schema_of(described[name]) for name in ("items", "keys", "values") if name in described}
    schema = Schema(
        ConnectType(described["type"]),
        optional=described["optional"],
        name=described.get("name"),
        version=described.get("version"),
        doc=described.get("doc"),
        parameters=described.get("parameters", {}),
        fields=tuple(Field(field["field"], schema_of(field)) for field in described.get("fields", ())),
        **nested,
    )
    default: Default = value_of(schema, described.get("default"), exact=True)
    return schema.with_default(default)


def value_of(schema: Schema, value: Any, *, exact: bool = False) -> Any:
    """Return a payload as `ChangeBatch.add` takes it; with `exact`, decimals as a schema's default has them."""
    if value is None:
        return None
    if schema.name == "org.apache.kafka.connect.data.Decimal":
        return decimal_of(value, int(schema.parameters["scale"]), exact)
    if schema.name == "io.debezium.data.VariableScaleDecimal":
        return decimal_of(value["value"], value["scale"], exact)
    if schema.type in (ConnectType.FLOAT32, ConnectType.FLOAT64):
        return float(value)
    if schema.type is ConnectType.BYTES:
        return b64decode(value)
    return nested_of(schema, value)


def nested_of(schema: Schema, value: Any) -> Any:
    if schema.items is not None:
        return [value_of(schema.items, item) for item in value]
    if schema.keys is not None and schema.values is not None:
        keys, values = schema.keys, schema.values
        entries = value.items() if isinstance(value, dict) else value
        return [each for key, item in entries for each in (value_of(keys, key), value_of(values, item))]
    if schema.type is ConnectType.STRUCT:
        return [value_of(field.schema, value[field.name]) for field in schema.fields]
    return value


def decimal_of(encoded: str, scale: int, exact: bool) -> Any:
    unscaled = int.from_bytes(b64decode(encoded), "big", signed=True)
    if exact:
        return Decimal(unscaled, scale)
    return decimal.Context(prec=1000).scaleb(decimal.Decimal(unscaled), -scale)


def table_of(record: Json) -> Table:
    """Return the table that a record with schemas came from; what is the same for all its rows is constant."""
    envelope = schema_of(record["value"]["schema"])
    fields = {field.name: field.schema for field in envelope.fields}
    source = record["value"]["payload"]["source"]
    names = [field.name for field in fields["before"].fields]
    key = [field["field"] for field in record["key"]["schema"]["fields"]] if record["key"] else []
    return Table(
        TableId(source.get("schema", source["db"]), source["table"]),
        record["topic"],
        tuple(Column(field.name, field.schema) for field in fields["before"].fields),
        tuple(names.index(name) for name in key),
        fields["source"],
        {name: source[name] for name in CONSTANTS if name in source},
    )


def add(batch: ChangeBatch, table: Table, payload: Json) -> None:
    """Add the change that a payload tells of."""

    def row(image: Json | None) -> list[Any] | None:
        if image is None:
            return None
        return [value_of(column.schema, image[column.name]) for column in table.columns]

    source = [value_of(field.schema, payload["source"][field.name]) for field in table.source_variables]
    batch.add(payload["op"], table, row(payload["before"]), row(payload["after"]), source)
