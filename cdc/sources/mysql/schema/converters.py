"""Debezium's own converters for columns of MySQL and MariaDB (`io.debezium.connector.binlog.converters`), under its property names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Final

from cdc.config.definition import Definition
from cdc.config.filters import NameList
from cdc.config.property import Importance, Property, Type
from cdc.config.validators import PATTERNS
from cdc.model.schema import BOOLEAN, FLOAT32, FLOAT64, INT16, STRING, Schema
from cdc.sources.columns.converter import Registration, RelationalColumn

CHARSET_PARAMETER: Final = "__debezium.source.column.character_set"


def _selector(name: str, doc: str) -> Property:
    return Property(
        name,
        Type.STRING,
        "",
        f"{doc}, as regular expressions over database.table.column.",
        Importance.HIGH,
        validator=PATTERNS,
    )


def _switch(name: str, doc: str) -> Property:
    return Property(name, Type.BOOLEAN, "true", doc)


def _selects(selector: NameList, column: RelationalColumn) -> bool:
    return selector.matches(f"{column.table}.{column.name}")


class TinyIntOneToBooleanConverter:
    """Publishes TINYINT(1) as a boolean: true for all but 0, negative numbers too (Debezium has false for these).

    Without `length.checker` TINYINT of any length is published so: MySQL keeps no length for TINYINT(1) UNSIGNED.
    """

    definition: ClassVar[Definition] = Definition(
        (
            _selector("selector", "Columns that it applies to; all without it"),
            _switch("length.checker", "Apply to TINYINT of length 1 alone."),
        )
    )

    def __init__(self) -> None:
        self._selector: NameList | None = None
        self._checks_length = True

    def configure(self, properties: Mapping[str, str]) -> None:
        """See `ColumnConverter.configure`."""
        found = self.definition.parse(properties)
        text = found.string("selector")
        self._selector = NameList.parse(text) if text.strip() else None
        self._checks_length = found.boolean("length.checker")

    def converter_for(self, column: RelationalColumn, registration: Registration) -> None:
        """See `ColumnConverter.converter_for`."""
        if column.type_name.partition(" ")[0] != "TINYINT" or (self._checks_length and column.length != 1):
            return
        if self._selector is None or _selects(self._selector, column):
            registration.register(BOOLEAN, _boolean)


class JdbcSinkDataTypesConverter:
    """Publishes the columns that it is told to as sinks for JDBC like them: booleans as INT16, REAL as a double, text with its charset."""

    definition: ClassVar[Definition] = Definition(
        (
            _selector("selector.boolean", "Columns that become INT16, 1 for all but 0"),
            _selector("selector.real", "Columns that become a floating point number"),
            _selector("selector.string", f"Columns whose schema gets the parameter {CHARSET_PARAMETER}"),
            _switch("treat.real.as.double", "Columns of selector.real are FLOAT64, otherwise FLOAT32."),
        )
    )

    def __init__(self) -> None:
        self._booleans = self._reals = self._strings = NameList()
        self._real: Schema = FLOAT64

    def configure(self, properties: Mapping[str, str]) -> None:
        """See `ColumnConverter.configure`."""
        found = self.definition.parse(properties)
        self._booleans, self._reals, self._strings = (
            NameList.parse(found.string(f"selector.{kind}")) for kind in ("boolean", "real", "string")
        )
        self._real = FLOAT64 if found.boolean("treat.real.as.double") else FLOAT32

    def converter_for(self, column: RelationalColumn, registration: Registration) -> None:
        """See `ColumnConverter.converter_for`."""
        if _selects(self._booleans, column):
            registration.register(INT16, _small)
        elif _selects(self._reals, column):
            registration.register(self._real, _real)
        elif _selects(self._strings, column):
            parameters = {CHARSET_PARAMETER: column.charset or ""}
            registration.register(replace(STRING, parameters=parameters), _text)


def _boolean(value: object) -> bool | None:
    return None if value is None else value != 0


def _small(value: object) -> int | None:
    found = _boolean(value)
    return None if found is None else int(found)


def _real(value: object) -> float | None:
    return None if value is None else float(str(value))


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode()
    return None if value is None else str(value)
