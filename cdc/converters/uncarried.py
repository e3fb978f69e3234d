"""Values that their schemas cannot carry: why, and with which schema they can be read all the same.

The decoder leaves the server's text where a column's schema has no such value (a text in a column of numbers, bytes in one of texts). A
text whose bytes are not UTF-8 has surrogates for them, as `ChangeBatch.row` returns it. A key may lack a column.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final

from cdc.converters.misfit import shown
from cdc.errors import ConversionError
from cdc.model.event import Missing
from cdc.model.schema import BYTES, STRING, ConnectType, Field, Schema

_EXCLUDE: Final = "Correct the value in the database, or exclude the column with column.exclude.list."


def fault_of(where: str, schema: Schema, value: Any, *, in_key: bool) -> ConversionError | None:
    """Return why a schema cannot carry a value, or None."""
    if in_key and isinstance(value, Missing):
        return ConversionError(
            f"the log does not carry {where}, which belongs to the record key",
            "Set REPLICA IDENTITY FULL on the table, or choose a key that its replica identity covers.",
        )
    if _is_kept(schema, value):
        return ConversionError(f"{where} holds {shown(value)}, which its schema cannot carry", _EXCLUDE)
    text = _not_utf8(value)
    if text is None:
        return None
    data = _bytes(text)
    at = len(text[: _bad(text)].encode())
    return ConversionError(
        f"{where} holds a text that is not UTF-8: bytes {data[at : at + 4].hex(' ')} at offset {at}", _EXCLUDE
    )


def readable(schema: Schema, value: dict[str, Any] | None) -> tuple[Schema, dict[str, Any] | None]:
    """Return a struct and its schema with another schema for each value that its own cannot carry."""
    if value is None:
        return schema, None
    fields = tuple(Field(field.name, _readable_schema(field.schema, value[field.name])) for field in schema.fields)
    if all(new.schema is old.schema for new, old in zip(fields, schema.fields, strict=True)):
        return schema, value
    found = {field.name: _readable_value(field.schema, value[field.name]) for field in fields}
    return replace(schema, fields=fields), found


def _readable_schema(schema: Schema, value: Any) -> Schema:
    if _not_utf8(value) is not None:
        return BYTES.as_optional()
    if isinstance(value, bytes) and schema.type is ConnectType.STRING:
        return STRING.as_optional() if _is_utf8(value) else BYTES.as_optional()
    return STRING.as_optional() if isinstance(value, Missing) or _is_kept(schema, value) else schema


def _readable_value(schema: Schema, value: Any) -> Any:
    if isinstance(value, Missing):
        return None
    if _not_utf8(value) is not None:
        return _bytes(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))
    return value.decode() if isinstance(value, bytes) and schema.type is ConnectType.STRING else value


def _is_kept(schema: Schema, value: Any) -> bool:
    """Whether a value is what the decoder could not carry, as the server sent it."""
    is_text = schema.type is ConnectType.STRING
    return isinstance(value, bytes) if is_text else isinstance(value, str)


def _not_utf8(value: Any) -> str | None:
    """Return the first text in a value that came from bytes which are not UTF-8."""
    if isinstance(value, str):
        return value if not value.isascii() and _bad(value) >= 0 else None
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if not isinstance(value, list):
        return None
    return next((found for each in value if (found := _not_utf8(each)) is not None), None)


def _bad(text: str) -> int:
    """Return the place of the first character that stands for a byte, or -1."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return error.start
    return -1


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
