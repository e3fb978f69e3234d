"""Connect schemas as JSON, the way that Connect's JsonConverter puts them beside each payload (`JsonConverter.asJsonSchema`)."""

from __future__ import annotations

from collections.abc import Iterator

from cdc.config import ConverterSettings
from cdc.converters.json_writers import quoted, render, value_writer
from cdc.model.schema import ConnectType, Field, Schema


def schema_json(schema: Schema, settings: ConverterSettings) -> bytes:
    """Return a schema as compact JSON in UTF-8, its members in Connect's order. Decimal defaults follow `settings.decimal_format`."""
    return b"{" + b",".join(_members(schema, settings)) + b"}"


def _members(schema: Schema, settings: ConverterSettings) -> Iterator[bytes]:
    yield b'"type":' + quoted(schema.type.value)
    yield from _content(schema, settings)
    yield b'"optional":' + (b"true" if schema.optional else b"false")
    if schema.name is not None:
        yield b'"name":' + quoted(schema.name)
    if schema.version is not None:
        yield b'"version":%d' % schema.version
    if schema.doc is not None:
        yield b'"doc":' + quoted(schema.doc)
    if schema.parameters:
        pairs = (quoted(name) + b":" + quoted(value) for name, value in schema.parameters.items())
        yield b'"parameters":{' + b",".join(pairs) + b"}"
    if schema.default is not None:
        yield b'"default":' + render(
            value_writer(schema, schema.name or schema.type.value, settings, None), schema.default
        )


def _content(schema: Schema, settings: ConverterSettings) -> Iterator[bytes]:
    if schema.type is ConnectType.STRUCT:
        yield b'"fields":[' + b",".join(_field(field, settings) for field in schema.fields) + b"]"
    if schema.items is not None:
        yield b'"items":' + schema_json(schema.items, settings)
    if schema.keys is not None:
        yield b'"keys":' + schema_json(schema.keys, settings)
    if schema.values is not None:
        yield b'"values":' + schema_json(schema.values, settings)


def _field(field: Field, settings: ConverterSettings) -> bytes:
    return b"{" + b",".join((*_members(field.schema, settings), b'"field":' + quoted(field.name))) + b"}"
