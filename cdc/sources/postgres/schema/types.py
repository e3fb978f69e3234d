"""From the catalogue's facts on a column to its schema and the decoder of its values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cdc.model.schema import STRING, ConnectType, Default, array
from cdc.sources.columns.resolved import Mapped, ResolvedColumn, semantic
from cdc.sources.columns.values import EnumDecoder
from cdc.sources.postgres.schema import extension_types
from cdc.sources.postgres.schema.defaults import ZEROS, column_default
from cdc.sources.postgres.schema.extension_types import EXTENSIONS
from cdc.sources.postgres.schema.handling import ValueHandling
from cdc.sources.postgres.schema.mapping import (
    ARRAYS,
    BUILT_IN,
    DELIMITERS,
    ELEMENTS,
    NEVER,
    NO_ARRAYS,
    NUMERIC,
    REQUIRED_ELEMENTS,
    TEXT,
    opaque,
    typmod_scale,
)
from cdc.sources.postgres.values.arrays import ArrayDecoder

#: What the output functions of values depend on; to be set on every connection that values or default expressions are read from.
SESSION_SETTINGS: Final[Mapping[str, str]] = {
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "client_encoding": "UTF8",
    "lc_monetary": "C",
}


@dataclass(frozen=True, slots=True)
class PgType:
    """A row of pg_type with what belongs to it.

    `typtype` and `category` are pg_type's letters. A domain has `base_oid` and `base_typmod`, an array `element_oid`, an enum its `labels` in
    sort order; elsewhere they are 0, -1 and empty.
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


class TypeResolver:
    """Resolves the columns of one connector; the same for snapshot and stream, so both give the same values.

    `types` are the database's types by OID, at least those outside pg_catalog that columns use and the types that those are made of. The
    mapping is read at each call: its owner keeps it up to date.
    """

    def __init__(self, types: Mapping[int, PgType], handling: ValueHandling) -> None:
        self._types = types
        self._handling = handling
        self._element_labels: dict[int, tuple[str, ...]] = {}

    def resolve(
        self, oid: int, typmod: int = -1, *, not_null: bool = False, default: str | None = None
    ) -> ResolvedColumn | None:
        """Return schema and decoder of a column, or None for a type that is not mapped, whose column is left out.

        `default` is the column's default expression as pg_get_expr prints it; None for a column without, and for a generated one.
        """
        mapped = self._mapped(oid, typmod)
        if mapped is None:
            return None
        schema, decoder = mapped
        value = self._default(default, oid, typmod, mapped) if default else None
        return ResolvedColumn(schema.as_optional(schema.optional or not not_null).with_default(value), decoder)

    def beneath(self, oid: int, typmod: int) -> tuple[int, int]:
        """Return a type without its domains, and the modifier that the innermost one gives it."""
        found = self._types.get(oid)
        while found is not None and found.typtype == "d":
            oid, typmod = found.base_oid, found.base_typmod
            found = self._types.get(oid)
        return oid, typmod

    def _mapped(self, oid: int, typmod: int) -> Mapped | None:
        if oid in BUILT_IN:
            return BUILT_IN[oid](self._handling, typmod)
        if oid in ARRAYS:
            return self._array(ARRAYS[oid], typmod)
        found = self._types.get(oid)
        mapped = None if found is None else self._foreign(found, typmod)
        return self._unknown(oid, found) if mapped is None else mapped

    def _foreign(self, found: PgType, typmod: int) -> Mapped | None:
        """Map a type outside pg_catalog."""
        if found.typtype == "d":
            # The modifier belongs to the innermost domain.
            return self._mapped(found.base_oid, found.base_typmod)
        if found.typtype == "e":
            return _enum(found.labels)
        if found.category == "A":
            return self._foreign_array(found)
        if found.typtype == "b" and found.name in EXTENSIONS:
            return EXTENSIONS[found.name](self._handling, typmod)
        return None

    def _unknown(self, oid: int, found: PgType | None) -> Mapped | None:
        """Map a type that is not known, if those are wanted; Debezium has no schema for an array of a domain either."""
        if not self._handling.include_unknown or oid in NEVER:
            return None
        mapped = opaque(self._handling)
        is_array = found is not None and found.category == "A" and oid not in NO_ARRAYS
        return _required_array(mapped) if is_array else mapped

    def _array(self, element_oid: int, typmod: int) -> Mapped:
        mapper = ELEMENTS.get(element_oid, BUILT_IN[element_oid])
        mapped = mapper(self._handling, typmod)
        if element_oid in REQUIRED_ELEMENTS:
            return _required_array(mapped)
        return _optional_array(mapped, DELIMITERS.get(element_oid, b","))

    def _foreign_array(self, found: PgType) -> Mapped | None:
        element = self._types.get(found.element_oid)
        if element is None:
            return None
        if element.typtype == "e":
            # Debezium does not see an enum grow behind an array type that it has read.
            schema, _ = _enum(self._element_labels.setdefault(found.oid, element.labels))
            return _required_array((schema, TEXT))
        if element.typtype != "b" or element.name not in EXTENSIONS:
            return None
        mapped = EXTENSIONS[element.name](self._handling, -1)
        if element.name in extension_types.REQUIRED_ELEMENTS:
            return _required_array(mapped)
        return _optional_array(mapped, extension_types.DELIMITERS.get(element.name, b","))

    def _default(self, expression: str, oid: int, typmod: int, mapped: Mapped) -> Default:
        schema, decoder = mapped
        found = self._types.get(oid)
        is_enum = found is not None and found.typtype == "e"
        if schema.type is ConnectType.STRUCT or not (is_enum or oid in ZEROS):
            return None
        return column_default(expression, decoder, ZEROS.get(oid), typmod_scale(typmod) if oid == NUMERIC else None)


def _enum(labels: tuple[str, ...]) -> Mapped:
    return semantic(STRING, "io.debezium.data.Enum", allowed=",".join(labels)), EnumDecoder(labels)


def _optional_array(element: Mapped, delimiter: bytes) -> Mapped:
    schema, decoder = element
    return array(schema.as_optional()), ArrayDecoder(decoder, delimiter=delimiter)


def _required_array(element: Mapped) -> Mapped:
    schema, decoder = element
    return array(schema), ArrayDecoder(decoder, nullable=False)
