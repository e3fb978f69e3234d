"""From the catalogue's facts on a column to its schema and the decoder of its values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cdc.model.schema import STRING, Schema
from cdc.sources.postgres.mapping import BUILT_IN, EXTENSIONS, TEXT, Mapped, ValueHandling, semantic
from cdc.sources.postgres.values import ValueDecoder

#: What the output functions of values depend on; to be set on every connection that values are read from.
SESSION_SETTINGS: Final[Mapping[str, str]] = {
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "client_encoding": "UTF8",
    "lc_monetary": "C",
    "xmlbinary": "base64",
}


@dataclass(frozen=True, slots=True)
class PgType:
    """A row of pg_type with what belongs to it.

    `typtype` and `category` are pg_type's letters. A domain has `base_oid` and `base_typmod`, an array `element_oid`, an enum its `labels` in
    sort order; 0, -1 and () elsewhere.
    """

    oid: int
    name: str
    schema: str = "pg_catalog"
    typtype: str = "b"
    category: str = "U"
    base_oid: int = 0
    base_typmod: int = -1
    element_oid: int = 0
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResolvedColumn:
    """How a column is published: the schema of its values, and the decoder of their text."""

    schema: Schema
    decoder: ValueDecoder


class TypeResolver:
    """Resolves the columns of one connector; the same for snapshot and stream, so both give the same values.

    `types` are the database's types by OID. The mapping is read at each call: its owner keeps it up to date. Built-in types need no entry.
    """

    def __init__(self, types: Mapping[int, PgType], handling: ValueHandling) -> None:
        self._types = types
        self._handling = handling

    def resolve(self, oid: int, typmod: int = -1, *, not_null: bool = False, default: str | None = None) -> ResolvedColumn | None:
        """Return schema and decoder of a column, or None for a type that is not mapped, whose column is left out.

        `default` is the column's default expression as pg_get_expr prints it, None for a generated column.
        """
        mapped = self._mapped(oid, typmod)
        if mapped is None:
            return None
        schema, decoder = mapped
        return ResolvedColumn(schema.as_optional(not not_null), decoder)

    def _mapped(self, oid: int, typmod: int) -> Mapped | None:
        if oid in BUILT_IN:
            return BUILT_IN[oid](self._handling, typmod)
        found = self._types.get(oid)
        if found is None:
            return None
        if found.typtype == "d":
            # The type modifier belongs to the domain; a domain over a domain has none of its own.
            return self._mapped(found.base_oid, found.base_typmod if found.base_typmod >= 0 else typmod)
        if found.typtype == "e":
            return semantic(STRING, "io.debezium.data.Enum", allowed=",".join(found.labels)), TEXT
        if found.typtype == "b" and found.name in EXTENSIONS:
            return EXTENSIONS[found.name](self._handling, typmod)
        return None
