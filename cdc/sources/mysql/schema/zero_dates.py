"""Debezium's converter for dates that are none, 0000-00-00, of MySQL and MariaDB (`io.debezium.connector.binlog.converters`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar, Final

from cdc.config.definition import Definition
from cdc.config.filters import NameList
from cdc.config.property import Importance, Property, Type
from cdc.config.validators import PATTERNS
from cdc.errors import ConfigError
from cdc.model.schema import INT32, INT64, STRING, Default, Schema
from cdc.sources.columns.converter import Registration, RelationalColumn
from cdc.sources.columns.resolved import semantic

_BEFORE, _BEHIND = "column.", ".fallback"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS: Final = ("DATE", "DATETIME", "TIMESTAMP")


def _date(text: str) -> date:
    return date.fromisoformat(text)


def _datetime(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)


def _timestamp(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("it has no zone")
    return found.astimezone(UTC)


_PARSERS: Final[Mapping[str, tuple[Callable[[str], date], str]]] = {
    "DATE": (_date, "a date, as in 1970-01-01"),
    "DATETIME": (_datetime, "a date and time, as in 1970-01-01 00:00:00"),
    "TIMESTAMP": (_timestamp, "a date and time with its zone, as in 1970-01-01T00:00:00Z"),
}


def _fallback(kind: str) -> Property:
    doc = f"Published for a {kind} that is none: {_PARSERS[kind][1]} (UTC); NULL, or nothing, for null."
    return Property(f"fallback.{kind.lower()}", Type.STRING, "", doc)


@dataclass(frozen=True, slots=True)
class _Form:
    """How a column is published: the schema without optionality, and what stands for a value in it."""

    schema: Schema
    value: Callable[[date], Default]


def _form(kind: str, digits: int) -> _Form:
    if kind == "DATE":
        return _Form(semantic(INT32, "io.debezium.time.Date"), lambda found: found.toordinal() - _EPOCH.toordinal())
    if kind == "TIMESTAMP":
        schema = semantic(STRING, "io.debezium.time.ZonedTimestamp")
        return _Form(schema, lambda found: found.isoformat().replace("+00:00", "Z"))
    unit, name = ("milliseconds", "Timestamp") if digits <= 3 else ("microseconds", "MicroTimestamp")
    step = timedelta(**{unit: 1})
    schema = semantic(INT64, f"io.debezium.time.{name}")
    return _Form(schema, lambda found: (found - _EPOCH) // step if isinstance(found, datetime) else None)


class ZeroDateFallbackConverter:
    """Publishes null, or a date of one's own, for dates that are none, which are the epoch where a column is NOT NULL.

    Null makes the column optional, and takes its default away; a date of one's own stands for null too, makes the column required, and
    is its default if it has one. `column.<database>.<table>.<column>.fallback` says it for one column.
    """

    definition: ClassVar[Definition] = Definition(
        (
            Property("target.types", Type.STRING, ",".join(_KINDS), "Types that it applies to."),
            *map(_fallback, _KINDS),
            Property(
                "selector",
                Type.STRING,
                ".*",
                "Columns that it applies to, as regular expressions over database.table.column.",
                Importance.LOW,
                validator=PATTERNS,
            ),
        )
    )

    def __init__(self) -> None:
        self._selector = NameList()
        self._targets: frozenset[str] = frozenset()
        self._of_types: dict[str, date | None] = {}
        self._of_columns: dict[str, str] = {}

    def configure(self, properties: Mapping[str, str]) -> None:
        """See `ColumnConverter.configure`."""
        own = {name for name in properties if name.startswith(_BEFORE) and name.endswith(_BEHIND)}
        found = self.definition.parse({name: value for name, value in properties.items() if name not in own})
        self._of_columns = {name[len(_BEFORE) : -len(_BEHIND)]: properties[name] for name in own}
        self._targets = frozenset(kind.strip().upper() for kind in found.string("target.types").split(","))
        self._of_types = {
            kind: _parsed(kind, f"fallback.{kind.lower()}", found.string(f"fallback.{kind.lower()}")) for kind in _KINDS
        }
        self._selector = NameList.parse(found.string("selector"))
        if unknown := self._targets - {*_KINDS, ""}:
            raise ConfigError(f"target.types has {', '.join(sorted(unknown))}", f"It takes {', '.join(_KINDS)}.")

    def converter_for(self, column: RelationalColumn, registration: Registration) -> None:
        """See `ColumnConverter.converter_for`."""
        kind, name = column.type_name, f"{column.table}.{column.name}"
        if kind not in self._targets or kind not in _PARSERS or not self._selector.matches(name):
            return
        chosen = self._of_columns.get(name)
        wanted = self._of_types[kind] if chosen is None else _parsed(kind, f"{_BEFORE}{name}{_BEHIND}", chosen)
        form = _form(kind, column.length or 0)
        if wanted is None:
            registration.register(form.schema.as_optional(), lambda value: value, zero_dates=True)
            return
        fallback = form.value(wanted)
        schema = form.schema.with_default(fallback if column.has_default else None)
        registration.register(schema, lambda value: fallback if value is None else value, zero_dates=True)


def _parsed(kind: str, name: str, text: str) -> date | None:
    if text.strip().upper() in ("", "NULL"):
        return None
    parse, form = _PARSERS[kind]
    try:
        return parse(text.strip())
    except ValueError as error:
        raise ConfigError(f"{name} is {text!r}, and it takes {form}, or NULL", "Write it in this form.") from error
