"""Kafka Connect's JsonConverter: values with their schemas beside them, or bare (`org.apache.kafka.connect.json.JsonConverter`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import orjson

from cdc.config import Config, ConverterSettings, DecimalFormat, Definition, InvalidConfig, Problem
from cdc.config.property import Importance, Property, Type, in_group, without_effect
from cdc.converters.json_cells import cell_of, check_schema
from cdc.converters.json_payload import loaded, payload_value
from cdc.converters.json_plain import plain_json
from cdc.converters.json_schema import schema_json
from cdc.converters.json_schema_reader import read_schema
from cdc.converters.json_writers import Writer, render, value_writer
from cdc.converters.misfit import MEND_RECORD, shown
from cdc.converters.properties import COMMON
from cdc.errors import ConversionError
from cdc.model.connect_record import SchemaAndValue
from cdc.model.schema import Schema

SCHEMAS: Final = in_group(
    "Schemas",
    Property(
        "schemas.enable",
        Type.BOOLEAN,
        "true",
        'Whether values are wrapped as {"schema": …, "payload": …}. Without schemas a record is several times smaller.',
        Importance.HIGH,
    ),
    Property(
        "schema.content",
        Type.STRING,
        None,
        "The schema, as JSON, of all values that are read, which then come bare. Empty: each value brings its own.",
        Importance.HIGH,
    ),
    without_effect(
        "schemas.cache.size",
        Type.INT,
        "1000",
        "Number of schemas that the Java converter caches.",
        "a fixed number is kept",
    ),
)
SERIALIZATION: Final = in_group(
    "Serialization",
    Property(
        "decimal.format",
        Type.STRING,
        "BASE64",
        "How exact decimals are written: BASE64 of the unscaled number's bytes, or a JSON number. Both are read.",
        Importance.LOW,
        choices=("BASE64", "NUMERIC"),
    ),
    Property(
        "replace.null.with.default",
        Type.BOOLEAN,
        "true",
        "Whether a null in a field that has a default is written, and read, as that default.",
        Importance.LOW,
    ),
)

_KEPT: Final = 1000
_NOTHING: Final = SchemaAndValue(None, None)
_MEND_ENVELOPE: Final = "If the topic holds plain JSON, set schemas.enable=false in the properties of the converter."


class _Known:
    """What stays the same for all values of one schema: its JSON, and its writer."""

    __slots__ = ("lead", "schema", "writer")

    def __init__(self, schema: Schema, settings: ConverterSettings, where: str) -> None:
        check_schema(schema, where)
        self.schema = schema
        self.writer: Writer = value_writer(schema, where, settings, None)
        self.lead = b'{"schema":' + schema_json(schema, settings) + b',"payload":' if settings.schemas_enable else b""


class ConnectJsonConverter:
    """The JSON converter of single values, for keys, values and headers.

    Stricter than Connect with what it reads: nothing may follow the value, and a value of another kind than its schema says is
    refused. NaN and the infinities, which Connect writes as texts, are read back.
    """

    definition: ClassVar[Definition] = Definition((*SCHEMAS, *SERIALIZATION, *COMMON))

    def __init__(self) -> None:
        self._known: dict[int, _Known] = {}
        self._read: dict[bytes, Schema] = {}
        self.configure({})

    def configure(self, properties: Mapping[str, str], *, is_key: bool = False) -> None:
        """Take the properties of the converter; raises InvalidConfig."""
        config = self.definition.parse(properties)
        self._part = "key" if is_key else "value"
        self._settings = ConverterSettings(
            schemas_enable=config.boolean("schemas.enable"),
            decimal_format=DecimalFormat(config.string("decimal.format")),
            replace_null_with_default=config.boolean("replace.null.with.default"),
        )
        self._fixed = _schema_content(config)
        self._known.clear()

    def from_connect_data(self, topic: str, schema: Schema | None, value: object) -> bytes | None:
        """Return a value as JSON; None for a null without schema. Raises ConversionError for one that does not fit its schema."""
        return self._written(f"{topic}/{self._part}", schema, value)

    def to_connect_data(self, topic: str, data: bytes | None) -> SchemaAndValue:
        """Return schema and value, no schema without `schemas.enable`; raises ConversionError for what is no such JSON."""
        return self._decoded(f"{topic}/{self._part}", data)

    def from_connect_header(self, topic: str, key: str, schema: Schema | None, value: object) -> bytes | None:
        """Return a header's value as JSON; see `from_connect_data`."""
        return self._written(f"{topic}/header {key}", schema, value)

    def to_connect_header(self, topic: str, key: str, data: bytes | None) -> SchemaAndValue:
        """Return what a header's JSON holds; see `to_connect_data`."""
        return self._decoded(f"{topic}/header {key}", data)

    def _written(self, where: str, schema: Schema | None, value: object) -> bytes | None:
        try:
            if schema is None:
                return None if value is None else self._bare(where, value)
            return self._by_schema(where, schema, value)
        except RecursionError as error:
            raise ConversionError(f"{where} is nested too deep: {shown(value)}", MEND_RECORD) from error

    def _by_schema(self, where: str, schema: Schema, value: object) -> bytes:
        known = self._known.get(id(schema)) or self._learn(schema, where)
        cell = cell_of(schema, value, where, defaults=self._settings.replace_null_with_default)
        payload = render(known.writer, cell)
        return known.lead + payload + b"}" if known.lead else payload

    def _bare(self, where: str, value: object) -> bytes:
        payload = plain_json(value, where)
        return b'{"schema":null,"payload":' + payload + b"}" if self._settings.schemas_enable else payload

    def _learn(self, schema: Schema, where: str) -> _Known:
        # Hashing a deep schema costs more than writing a row. What is kept holds the schema, so that its id stays its own.
        if len(self._known) >= _KEPT:
            self._known.clear()
        known = self._known[id(schema)] = _Known(schema, self._settings, where)
        return known

    def _decoded(self, where: str, data: bytes | None) -> SchemaAndValue:
        if data is None:
            return _NOTHING
        if not self._settings.schemas_enable:
            return SchemaAndValue(None, loaded(data, where, exact=False) if data.strip() else None)
        found = loaded(data, where, exact=True)
        try:
            schema, payload = (self._fixed, found) if self._fixed else self._opened(where, found)
            return SchemaAndValue(schema, self._value(schema, payload, where))
        except RecursionError as error:
            raise ConversionError(f"{where} is nested too deep: {shown(data)}", _MEND_ENVELOPE) from error

    def _opened(self, where: str, found: Any) -> tuple[Schema | None, Any]:
        if not isinstance(found, dict) or found.keys() != {"schema", "payload"}:
            fact = 'with schemas.enable, JSON must be an object of exactly the fields "schema" and "payload"'
            raise ConversionError(f"{fact}, and {where} is {shown(found)}", _MEND_ENVELOPE)
        described = found["schema"]
        return None if described is None else self._schema(described, where), found["payload"]

    def _schema(self, described: Any, where: str) -> Schema:
        try:
            text = orjson.dumps(described, default=str)
        except orjson.JSONEncodeError:
            return read_schema(described, f"{where}/schema")
        schema = self._read.get(text)
        if schema is None:
            schema = read_schema(described, f"{where}/schema")
            if len(self._read) >= _KEPT:
                self._read.clear()
            self._read[text] = schema
        return schema

    def _value(self, schema: Schema | None, payload: Any, where: str) -> Any:
        if schema is None:
            return _inexact(payload)
        return payload_value(schema, payload, where, defaults=self._settings.replace_null_with_default)


def _inexact(found: Any) -> Any:
    """Return JSON with its decimals as floats, which is what a value without schema can hold."""
    if isinstance(found, list):
        return [_inexact(item) for item in found]
    if isinstance(found, dict):
        return {name: _inexact(item) for name, item in found.items()}
    return found if found is None or isinstance(found, str | bool | int) else float(found)


def _schema_content(config: Config) -> Schema | None:
    text = config.string("schema.content")
    if not text or not config.boolean("schemas.enable"):
        return None
    try:
        return read_schema(loaded(text.encode(), "schema.content", exact=True), "schema.content")
    except ConversionError as error:
        remedy = "Give a schema as the JSON converter writes it, or leave the property out."
        raise InvalidConfig([Problem("schema.content", str(error), remedy)]) from error
