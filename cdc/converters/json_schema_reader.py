"""The JSON beside a payload as a schema: the way back of `cdc.converters.json_schema` (`JsonConverter.asConnectSchema`)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from cdc.converters.json_cells import cell_of, check_scale
from cdc.converters.json_payload import payload_value
from cdc.converters.misfit import MEND_BYTES, shown
from cdc.errors import ConversionError
from cdc.model.schema import NO_PARAMETERS, ConnectType, Field, Schema

_TYPES: Final = {kind.value: kind for kind in ConnectType}


def read_schema(described: Any, where: str) -> Schema:
    """Return the schema that a JSON object describes; `where` begins the path that errors name.

    Raises:
        ConversionError: it is no schema of Connect, or its default is no value of it.
    """
    kind = _TYPES.get(_member(described, "type", str, where))
    if kind is None:
        raise _wrong(where, f"has the unknown type {shown(described['type'])}")
    schema = Schema(
        kind,
        optional=described.get("optional") is True,
        name=_attribute(described, "name", str),
        version=_attribute(described, "version", int),
        parameters=_parameters(described.get("parameters"), where),
        doc=_attribute(described, "doc", str),
        **_content(kind, described, where),
    )
    check_scale(schema, where)
    return _with_default(schema, described.get("default"), f"{where}.default")


def _content(kind: ConnectType, described: dict[str, Any], where: str) -> dict[str, Any]:
    if kind is ConnectType.ARRAY:
        return {"items": read_schema(described.get("items"), f"{where}.items")}
    if kind is ConnectType.MAP:
        return {name: read_schema(described.get(name), f"{where}.{name}") for name in ("keys", "values")}
    return {"fields": _fields(described, where)} if kind is ConnectType.STRUCT else {}


def _fields(described: dict[str, Any], where: str) -> tuple[Field, ...]:
    fields: dict[str, Field] = {}
    for at, each in enumerate(_member(described, "fields", list, where)):
        name = _member(each, "field", str, f"{where}.fields[{at}]")
        if name in fields:
            raise _wrong(where, f"has the field {shown(name)} twice")
        fields[name] = Field(name, read_schema(each, f"{where}.{name}"))
    return tuple(fields.values())


def _member(described: Any, name: str, kind: type, where: str) -> Any:
    """Return a member that a schema cannot do without."""
    if not isinstance(described, dict):
        raise _wrong(where, f"is {shown(described)}, and a schema is a JSON object")
    found = described.get(name)
    if not isinstance(found, kind):
        raise _wrong(where, f'has {shown(found)} as its "{name}"')
    return found


def _attribute(described: dict[str, Any], name: str, kind: type) -> Any:
    """Return a member that Connect passes over where it is of another kind."""
    found = described.get(name)
    return found if isinstance(found, kind) and not isinstance(found, bool) else None


def _parameters(found: Any, where: str) -> Mapping[str, str]:
    if not isinstance(found, dict) or not found:
        return NO_PARAMETERS
    if not all(isinstance(value, str) for value in found.values()):
        raise _wrong(where, f"has parameters that are no texts: {shown(found)}")
    return MappingProxyType(found)


def _with_default(schema: Schema, found: Any, where: str) -> Schema:
    if found is None:
        return schema
    value = payload_value(schema, found, where, defaults=False)
    default: Any = cell_of(schema, value, where, defaults=False)
    return schema.with_default(default)


def _wrong(where: str, fact: str) -> ConversionError:
    return ConversionError(f"{where} {fact}", MEND_BYTES)
