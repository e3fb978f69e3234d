"""From the columns on the wire, and what the configuration says of them, to a table and the plan of its rows."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from cdc.config.columns import Change, ColumnRules, Hash, Mask, Truncation
from cdc.config.settings import NameAdjustment
from cdc.errors import SourceRefused
from cdc.model.schema import STRING, ConnectType, Schema
from cdc.model.table import Column, TableId
from cdc.sources.columns.hiding import HashDecoder, MaskDecoder, TruncatedDecoder, TwinDecoder
from cdc.sources.columns.resolved import UNKNOWN_LENGTH, ResolvedColumn, source_parameters
from cdc.sources.columns.values import ValueDecoder
from cdc.sources.naming import NameAdjuster

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WireColumn:
    """A column as it comes over the wire; `kind` is the name of its type, `length` and `scale` are None for a type without them.

    `resolved` is None for a type that is not known. `comment` is None where comments are not published.
    """

    name: str
    kind: str
    length: int | None
    scale: int | None
    resolved: ResolvedColumn | None
    comment: str | None = None

    @property
    def told(self) -> dict[str, object]:
        """What the schema tells of the column in the database, in Debezium's order."""
        return {
            "type": self.kind.upper(),
            "length": self.length,
            "scale": self.scale,
            "comment": self.comment,
            "name": self.name,
        }


@dataclass(slots=True)
class Layout:
    """Where the values of a table's columns go; `targets` and `decoders` are in wire order, `key` holds indices into `columns`.

    `constants` are columns that no row brings along, by their indices: texts that are the same in all rows. `kept` says where rows have
    columns in a form of their own; no event shows these.
    """

    columns: list[Column] = field(default_factory=list)
    decoders: list[ValueDecoder | None] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    key: tuple[int, ...] = ()
    constants: dict[int, str] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kept:
    """A form in which rows are to have a column for the source itself: the cell's column, which is `key_only`, and its decoder."""

    column: Column
    decoder: ValueDecoder


NOTHING_KEPT: Final[Mapping[str, Kept]] = MappingProxyType({})


class LayoutRules:
    """Lays out tables by a connector's rules, with the names of fields made fit; remembers what it has warned of."""

    def __init__(self, rules: ColumnRules, field_names: NameAdjustment) -> None:
        self._rules = rules
        self._names = NameAdjuster(field_names)
        self._warned: set[tuple[TableId, str]] = set()

    def lay_out(
        self,
        table: TableId,
        wire: Sequence[WireColumn],
        key: Sequence[str],
        *,
        streamed: bool,
        mark: tuple[str, str] | None = None,
        kept: Mapping[str, Kept] = NOTHING_KEPT,
    ) -> Layout:
        """Return the layout of a table whose key has some columns, in that order.

        `mark` is a field behind these, name and value, by which the key says which table its row is of. `kept`
        are the columns that are wanted in another form beside.

        Raises:
            SourceRefused: two columns get the same field name.
        """
        columns = [(column, self._published(table, column)) for column in wire]
        layout = Layout()
        for column, shown in columns:
            layout.targets.append(len(layout.columns) if shown else -1)
            layout.decoders.append(shown.decoder if shown else None)
            if shown:
                layout.columns.append(Column(self._names.adjust(column.name), shown.schema))
        self._check_names(table, wire, layout)
        places = self._place_keys(table, columns, key, layout, streamed)
        layout.key = tuple(places[name] for name in key if name in places)
        if mark is not None:
            self._mark(table, layout, *mark)
        _keep(wire, layout, kept)
        return layout

    def _mark(self, table: TableId, layout: Layout, field_name: str, text: str) -> None:
        name = self._names.adjust(field_name)
        if any(layout.columns[at].name == name for at in layout.key):
            raise SourceRefused(
                f"the key of {table} has a column {name!r}, which is the field that names the table",
                "Give the field another name by topic.key.field.name.",
            )
        place = len(layout.columns)
        layout.columns.append(Column(name, STRING, key_only=True))
        layout.key = (*layout.key, place)
        layout.constants[place] = text

    def _published(self, table: TableId, column: WireColumn) -> ResolvedColumn | None:
        """Return how rows show a column; None for one that they leave out."""
        name = f"{table}.{column.name}"
        if column.resolved is None or not self._rules.published.matches(name):
            return None
        found = column.resolved
        change = self._rules.change(name)
        if change is not None:
            found = self._changed(table, column, found, change)
        # Debezium goes by one rule for each column, and that of its type comes behind these.
        if not isinstance(change, Truncation | Mask) and self._rules.propagates(name, f"{table}.{column.kind}"):
            found = found.told(source_parameters(column.told))
        return found

    def _changed(self, table: TableId, column: WireColumn, found: ResolvedColumn, change: Change) -> ResolvedColumn:
        is_text = found.schema.type is ConnectType.STRING
        length = UNKNOWN_LENGTH if column.length is None else column.length
        match change:
            case Truncation(most):
                if length <= most:
                    return found
                cut = TruncatedDecoder(found.decoder, most) if _can_be_cut(found.schema) else found.decoder
                return replace(found, decoder=cut).told({"truncateLength": str(most)})
            case Mask(width) if is_text:
                decoder: ValueDecoder = MaskDecoder(found.decoder, b"*" * width)
            case Hash(algorithm, salt, serialized) if is_text:
                digits = length if length != UNKNOWN_LENGTH else 0
                decoder = HashDecoder(found.decoder, algorithm, salt.reveal().encode(), digits, serialized)
            case _:
                decoder = found.decoder
                self._warn(
                    table, column, "is not masked, as its values are not published as text; exclude it to hide it"
                )
        return replace(found, decoder=decoder).told({"masked": "true"})

    def _place_keys(
        self,
        table: TableId,
        columns: Sequence[tuple[WireColumn, ResolvedColumn | None]],
        key: Sequence[str],
        layout: Layout,
        streamed: bool,
    ) -> dict[str, int]:
        """Return where the columns of the key are; those that the row lacks, or has in another form, come behind it."""
        places: dict[str, int] = {}
        for at, (column, shown) in enumerate(columns):
            plain = column.resolved
            if column.name not in key or plain is None:
                continue
            if shown is plain:
                places[column.name] = layout.targets[at]
                continue
            places[column.name] = place = len(layout.columns)
            # In a stream, Debezium knows of an excluded column neither that it is required nor its default.
            bare = streamed and shown is None
            schema = plain.schema.as_optional().with_default(None) if bare else plain.schema
            layout.columns.append(Column(self._names.adjust(column.name), schema, key_only=True))
            if shown is None:
                layout.targets[at], layout.decoders[at] = place, plain.decoder
            else:
                layout.decoders[at] = TwinDecoder(shown.decoder, plain.decoder, place - layout.targets[at])
                if shown.decoder is not plain.decoder:
                    self._warn(table, column, "belongs to the record key, which carries its values as they are")
        return places

    def _check_names(self, table: TableId, wire: Sequence[WireColumn], layout: Layout) -> None:
        seen: dict[str, str] = {}
        shown = (column for column, target in zip(wire, layout.targets, strict=True) if target >= 0)
        for column, named in zip(shown, layout.columns, strict=True):
            other = seen.setdefault(named.name, column.name)
            if other != column.name:
                raise SourceRefused(
                    f"the columns {other!r} and {column.name!r} of {table} both become the field {named.name}",
                    "Set field.name.adjustment.mode=avro_unicode, or exclude one of them with column.exclude.list.",
                )

    def _warn(self, table: TableId, column: WireColumn, what: str) -> None:
        if (table, column.name) not in self._warned:
            self._warned.add((table, column.name))
            log.warning("column %s.%s %s", table, column.name, what)


def _can_be_cut(schema: Schema) -> bool:
    """Whether values are cut: every text, as in Debezium, and bytes that are no number and no bits."""
    return schema.type is ConnectType.STRING or (schema.type is ConnectType.BYTES and schema.name is None)


def _keep(wire: Sequence[WireColumn], layout: Layout, wanted: Mapping[str, Kept]) -> None:
    """Let rows have some columns in another form, beside their values."""
    for at, column in enumerate(wire):
        kept = wanted.get(column.name)
        if kept is None:
            continue
        layout.kept[column.name] = place = len(layout.columns)
        layout.columns.append(kept.column)
        target, decoder = layout.targets[at], layout.decoders[at]
        if decoder is None:
            layout.targets[at], layout.decoders[at] = place, kept.decoder
        else:
            layout.decoders[at] = TwinDecoder(decoder, kept.decoder, place - target)
