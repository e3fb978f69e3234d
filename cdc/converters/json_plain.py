"""Values without a schema as JSON, as Connect's JsonConverter writes them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping

from cdc.config import ConverterSettings
from cdc.converters.json_writers import quoted, render, value_writer
from cdc.converters.misfit import MEND_RECORD, shown
from cdc.errors import ConversionError
from cdc.model.schema import FLOAT64

_DOUBLE = value_writer(FLOAT64, "", ConverterSettings(), None)


def plain_json(value: object, where: str) -> bytes:
    """Return a value of bool, int, float, str, bytes, list or dict as compact JSON in UTF-8.

    A dict with keys that are no texts becomes an array of pairs.

    Raises:
        ConversionError: with path and value of what is something else, or no text in UTF-8.
    """
    if isinstance(value, Mapping):
        return _map(value, where)
    if isinstance(value, list | tuple):
        return b"[" + b",".join(plain_json(item, f"{where}[{at}]") for at, item in enumerate(value)) + b"]"
    return _scalar(value, where)


def _map(value: Mapping[object, object], where: str) -> bytes:
    pairs = [(plain_json(key, where), plain_json(item, f"{where}[{key!r}]")) for key, item in value.items()]
    if all(isinstance(key, str) for key in value):
        return b"{" + b",".join(key + b":" + item for key, item in pairs) + b"}"
    return b"[" + b",".join(b"[" + key + b"," + item + b"]" for key, item in pairs) + b"]"


def _scalar(value: object, where: str) -> bytes:
    if value is None:
        return b"null"
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, int):
        return b"%d" % value
    if isinstance(value, float):
        return render(_DOUBLE, value)
    if isinstance(value, bytes):
        return b'"' + b64encode(value) + b'"'
    return _text(value, where)


def _text(value: object, where: str) -> bytes:
    if not isinstance(value, str):
        raise ConversionError(f"{where} has no schema, and JSON has nothing for {shown(value)}", MEND_RECORD)
    try:
        return quoted(value)
    except UnicodeEncodeError as error:
        raise ConversionError(f"{where} holds a text that is not UTF-8: {shown(value)}", MEND_RECORD) from error
