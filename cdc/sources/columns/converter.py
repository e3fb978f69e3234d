"""Custom converters: plugins that publish columns in a form of their own (Debezium's `CustomConverter`), and how columns find theirs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final, Protocol

from cdc.config.definition import Definition
from cdc.errors import CdcError, ConfigError
from cdc.model.schema import ConnectType, Default, Schema
from cdc.model.table import TableId
from cdc.sources.columns.converted import ConvertedDecoder
from cdc.sources.columns.resolved import ResolvedColumn
from cdc.sources.columns.shapes import flattened
from cdc.sources.columns.values import TextDecoder

log = logging.getLogger(__name__)

Convert = Callable[[Any], object]


@dataclass(frozen=True, slots=True)
class RelationalColumn:
    """What a custom converter is told of a column; the words are those of Debezium's `RelationalColumn`.

    `table` is schema (MySQL: database) and table, `type_name` the type's name in the database. `length` and `scale` are None for types
    without them. `default` is the wire value of the default that is published, None where there is none. `charset` is that of text where each
    column has its own (MySQL).
    """

    name: str
    table: str
    type_name: str
    length: int | None
    scale: int | None
    optional: bool
    default: object = None
    charset: str | None = None

    @property
    def has_default(self) -> bool:
        """Whether there is a default."""
        return self.default is not None


class Registration(Protocol):
    """Takes how a converter publishes a column."""

    def register(self, schema: Schema, convert: Convert, *, zero_dates: bool = False) -> None:
        """Publish the column by a schema, whose optionality is the column's, and a function from the value that it has without the converter.

        The value is that of the column's own schema as Python code sees it (int, float, str, bytes, bool, `decimal.Decimal`, list, dict),
        the server's text for a column of a type that is not known, and None for null; what is returned must fit the schema. What the
        function raises follows `event.converting.failure.handling.mode`.

        With `zero_dates` a column of dates or moments gives None for a date that is none (MySQL's 0000-00-00) even where it is NOT NULL, and
        otherwise days, milliseconds, microseconds or ISO 8601 text, whatever `time.precision.mode` says; the schema is taken as it is, with
        its optionality and its default.
        """


class ColumnConverter(Protocol):
    """Publishes columns in a form of its own. One for each connector; columns are asked about whenever a table's definition is read."""

    definition: ClassVar[Definition]

    def configure(self, properties: Mapping[str, str]) -> None:
        """Take the properties under the converter's name, without that prefix and `type`; raises ConfigError."""

    def converter_for(self, column: RelationalColumn, registration: Registration) -> None:
        """Register how a column is published, or do nothing: then the next converter is asked, and at last it is published as always."""


@dataclass(slots=True)
class _Registered:
    """The first registration counts."""

    found: list[tuple[Schema, Convert, bool]] = field(default_factory=list)

    def register(self, schema: Schema, convert: Convert, *, zero_dates: bool = False) -> None:
        """See `Registration.register`."""
        self.found.append((schema, convert, zero_dates))


_SIMPLE: Final = (bool, int, float, str, bytes)
_NONE: Final[Sequence[ColumnConverter]] = ()


class ColumnConverters:
    """The custom converters of one connector, in the order in which they are asked."""

    def __init__(self, converters: Sequence[ColumnConverter] = _NONE) -> None:
        self._converters = tuple(converters)

    def __bool__(self) -> bool:
        return bool(self._converters)

    def apply(
        self,
        table: TableId,
        column: RelationalColumn,
        resolved: ResolvedColumn | None,
        with_zero_dates: Callable[[], ResolvedColumn | None] | None = None,
    ) -> ResolvedColumn | None:
        """Return how a column is published: by the converter that registers for it, or as `resolved` says.

        `with_zero_dates` resolves the column as `Registration.register` says of zero dates; without it there are none.

        Raises:
            ConfigError: a converter raised something when it was asked.
        """
        for converter in self._converters:
            registered = _Registered()
            try:
                converter.converter_for(column, registered)
            except CdcError:
                raise
            except Exception as error:
                raise ConfigError(
                    f"the converter {_name(converter)} failed at the column {table}.{column.name}:"
                    f" {type(error).__name__}: {error}",
                    "Mend the converter, or take it out of converters.",
                ) from error
            if registered.found:
                schema, convert, zero_dates = registered.found[0]
                if zero_dates and with_zero_dates is not None and (dated := with_zero_dates()) is not None:
                    decoder = ConvertedDecoder(dated.decoder, dated.schema, schema, convert, _name(converter))
                    return ResolvedColumn(schema, decoder)
                return _converted(column, resolved, schema, convert, _name(converter))
        return resolved


def _converted(
    column: RelationalColumn, resolved: ResolvedColumn | None, schema: Schema, convert: Convert, name: str
) -> ResolvedColumn:
    inner = resolved.decoder if resolved is not None else TextDecoder()
    own = resolved.schema if resolved is not None else Schema(ConnectType.STRING, optional=True)
    published = replace(schema, optional=column.optional, default=None)
    default = _default(own.default, published, convert, name)
    return ResolvedColumn(published.with_default(default), ConvertedDecoder(inner, own, published, convert, name))


def _default(default: Default, published: Schema, convert: Convert, name: str) -> Default:
    """Return what becomes of a column's default; None where the converter makes nothing of it that a schema can carry."""
    if not isinstance(default, _SIMPLE):
        return None
    try:
        found = flattened(published, convert(default), name)
    except Exception as error:  # noqa: BLE001 (a default that cannot be converted is none; its rows are another matter)
        log.debug("the converter %s makes nothing of the default %r: %s", name, default, error)
        return None
    return found if isinstance(found, _SIMPLE) else None


def _name(converter: object) -> str:
    return type(converter).__qualname__
