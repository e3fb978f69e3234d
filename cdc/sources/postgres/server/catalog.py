"""The catalogue: what the log does not say of a table (nullability, defaults, keys, types), read when a row needs it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from psycopg.rows import class_row

import cdc
from cdc.config.settings import PostgresSettings
from cdc.model.schema import INT64, STRING, Default, Field, struct
from cdc.model.table import Column, Table, TableId
from cdc.snapshot.marking import MARKER
from cdc.sources.columns.converter import ColumnConverters, RelationalColumn
from cdc.sources.columns.layout import NOTHING_KEPT, Kept, Layout, LayoutRules, WireColumn
from cdc.sources.columns.reselection import Reselection
from cdc.sources.columns.resolved import UNKNOWN_LENGTH
from cdc.sources.columns.row import RowPlan
from cdc.sources.columns.values import TextDecoder
from cdc.sources.naming import NameAdjuster, TableTopics
from cdc.sources.postgres.protocol.connection import Connection, refusals
from cdc.sources.postgres.schema.handling import ValueHandling
from cdc.sources.postgres.schema.source_type import column_length, column_scale
from cdc.sources.postgres.schema.types import PgType, TypeResolver
from cdc.sources.postgres.server.reselection import Selection, selection_of
from cdc.sources.postgres.wal.relation import Relation, RelationColumn

log = logging.getLogger(__name__)

COLUMNS = """
select a.attname::text as name, a.atttypid::bigint as type_oid, a.atttypmod as typmod, a.attnotnull as not_null,
       case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end as default, a.attnum as number
from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where a.attrelid = %s and a.attnum > 0 and not a.attisdropped order by a.attnum
"""
# The key of the records: what the row images carry. With REPLICA IDENTITY USING INDEX these are that index's columns, else the
# primary key's, else those of the first unique index (by name) that has no expression. They are given by number, as a column may be
# renamed between two queries.
KEY = """
select i.indkey[0:i.indnkeyatts - 1]::int2[]
from pg_index i join pg_class t on t.oid = i.indrelid join pg_class c on c.oid = i.indexrelid
where i.indrelid = %s and i.indisunique and i.indisvalid and 0 <> all (i.indkey)
order by (t.relreplident = 'i' and i.indisreplident) desc, i.indisprimary desc, c.relname limit 1
"""
TYPES = """
select t.oid::bigint as oid, t.typname::text as name, n.nspname::text as schema, t.typtype::text as typtype,
       t.typcategory::text as category, t.typbasetype::bigint as base_oid, t.typtypmod as base_typmod,
       case when t.typcategory = 'A' then t.typelem else 0 end::bigint as element_oid,
       array(select e.enumlabel::text from pg_enum e where e.enumtypid = t.oid order by e.enumsortorder) as labels
from pg_type t join pg_namespace n on n.oid = t.typnamespace where t.oid = any (%s)
"""
SOURCE_SCHEMA = struct(
    "io.debezium.connector.postgresql.Source",
    (
        Field("version", STRING),
        Field("connector", STRING),
        Field("name", STRING),
        Field("ts_ms", INT64),
        Field("snapshot", MARKER),
        Field("db", STRING),
        Field("sequence", STRING.as_optional()),
        Field("ts_us", INT64.as_optional()),
        Field("ts_ns", INT64.as_optional()),
        Field("schema", STRING),
        Field("table", STRING),
        Field("txId", INT64.as_optional()),
        Field("lsn", INT64.as_optional()),
        Field("xmin", INT64.as_optional()),
        Field("origin", STRING.as_optional()),
        Field("origin_lsn", INT64.as_optional()),
    ),
    version=1,
)


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """What pg_attribute says of a column; `default` is its expression, None for none and for generated columns.

    `number` is its place among all columns that the table ever had, from 1; 0 where that is not known.
    """

    name: str
    type_oid: int
    typmod: int
    not_null: bool = False
    default: str | None = None
    number: int = 0


class Catalog:
    """Reads table definitions over one ordinary connection; owned by one source."""

    def __init__(
        self,
        connection: Connection,
        settings: PostgresSettings,
        reselection: Reselection[Selection] | None = None,
        converters: ColumnConverters | None = None,
    ) -> None:
        """Take the custom converters of columns, and what is told the plans of streamed rows that have values to be read again."""
        self._reselection = reselection
        self._converters = converters or ColumnConverters()
        self._connection = connection
        self._settings = settings
        self._types: dict[int, PgType] = {}
        self._resolver = TypeResolver(self._types, ValueHandling.of(settings))
        self._layouts = LayoutRules(settings.columns, settings.field_names)
        self._schema_names = NameAdjuster(settings.schema_names, dotted=True)
        self._topics = TableTopics(settings)
        self._uncovered: set[TableId] = set()
        self._left_out: set[tuple[TableId, str]] = set()

    def left_out(self, table: TableId) -> set[str]:
        """Return the columns of a table whose types are not known, of those that plans were made for."""
        return {column for found, column in self._left_out if found == table}

    async def stream_plan(self, relation: Relation) -> RowPlan:
        """Return how rows of a relation are decoded; its columns are those that the log sends."""
        table = TableId(relation.schema, relation.table)
        if not self._settings.tables.matches(table.schema, table.table):
            return RowPlan(None, [None] * len(relation.columns), (-1,) * len(relation.columns))
        facts = _aligned(relation, await self._columns(relation.oid))
        columns = [_merged(relation, column, found) for column, found in zip(relation.columns, facts, strict=True)]
        chosen = self._chosen_key(table, columns)
        if chosen:
            self._warn_of_key(table, relation, chosen)
        own: list[str] = []
        if not chosen or self._finds_by_own_key:
            named = {found.number: column.name for column, found in zip(columns, facts, strict=True) if found}
            own = _logged_key(relation, [named.get(number) for number in await self._key(relation.oid)])
        return await self._stream_plan(
            relation, columns, chosen or own, own if self._finds_by_own_key else chosen or own
        )

    @property
    def _finds_by_own_key(self) -> bool:
        """Whether rows that are read again are found by the table's key, whatever the records' is."""
        return self._settings.reselect is not None and not self._settings.reselect.use_event_key

    async def _stream_plan(
        self, relation: Relation, columns: Sequence[ColumnFacts], key: Sequence[str], finding: Sequence[str]
    ) -> RowPlan:
        table = TableId(relation.schema, relation.table)
        if self._reselection is None:
            return (await self._plan(table, columns, key, streamed=True))[0]
        plan, layout = await self._plan(table, columns, key, streamed=True, kept=_texts(finding))
        places = [(name, layout.kept[name]) for name in finding]
        selection = await selection_of(self._connection, self._settings, relation.oid, plan, places)
        if selection is not None:
            self._reselection.use(selection)
        return plan

    async def snapshot_plan(self, oid: int, table: TableId, only: Sequence[str] | None) -> RowPlan:
        """Return how rows of a table are decoded when all its columns (or `only` some) are selected in table order."""
        columns = [column for column in await self._columns(oid) if only is None or column.name in only]
        named = {column.number: column.name for column in columns}
        key = self._chosen_key(table, columns) or [named[each] for each in await self._key(oid) if each in named]
        return (await self._plan(table, columns, key, streamed=False))[0]

    async def _plan(
        self,
        table: TableId,
        columns: Sequence[ColumnFacts],
        key: Sequence[str],
        *,
        streamed: bool,
        kept: Mapping[str, Kept] = NOTHING_KEPT,
    ) -> tuple[RowPlan, Layout]:
        await self._learn_types(column.type_oid for column in columns)
        wire = [self._on_wire(table, column) for column in columns]
        layout = self._layouts.lay_out(table, wire, key, streamed=streamed, mark=self._topics.mark(table), kept=kept)
        plan = RowPlan(
            self._table(table, layout.columns, layout.key),
            layout.decoders,
            tuple(layout.targets),
            self._settings.converting_failure.value,
            tuple(column.name for column in columns),
            renewable=streamed,
            constants=layout.constants,
        )
        return plan, layout

    def _on_wire(self, table: TableId, column: ColumnFacts) -> WireColumn:
        kind = self._types.get(column.type_oid)
        oid, typmod = self._resolver.beneath(column.type_oid, column.typmod)
        length, scale = column_length(oid, typmod), column_scale(oid, typmod)
        name = kind.name if kind else ""
        found = self._resolver.resolve(column.type_oid, column.typmod, not_null=column.not_null, default=column.default)
        if self._converters:
            facts = RelationalColumn(
                column.name,
                str(table),
                name,
                length if length != UNKNOWN_LENGTH else None,
                scale if length != UNKNOWN_LENGTH else None,
                optional=not column.not_null,
                default=found.schema.default if found else None,
            )
            found = self._converters.apply(table, facts, found)
        if found is None:
            self._tell_left_out(table, column)
        return WireColumn(column.name, name, length, scale, found)

    def _chosen_key(self, table: TableId, columns: Sequence[ColumnFacts]) -> list[str]:
        """Return the key that `message.key.columns` gives a table; none when it says nothing of it."""
        return self._settings.columns.keys.choose(str(table), [column.name for column in columns])

    def _warn_of_key(self, table: TableId, relation: Relation, key: Sequence[str]) -> None:
        """Say that the log will not tell the key of deleted rows, nor that an update changed it."""
        carried = {column.name for column in relation.columns if column.key or relation.identity == "f"}
        missing = [name for name in key if name not in carried]
        if missing and table not in self._uncovered:
            self._uncovered.add(table)
            log.warning(
                "message.key.columns gives %s a key whose columns %s its replica identity does not cover: a delete will stop the"
                " connector, and an update of the key is not seen. ALTER TABLE %s REPLICA IDENTITY FULL",
                table,
                ", ".join(missing),
                table,
            )

    def _table(self, table: TableId, columns: Sequence[Column], key: Sequence[int]) -> Table:
        topic = self._topics.topic(table)
        return Table(
            table,
            topic,
            tuple(columns),
            tuple(key),
            SOURCE_SCHEMA,
            self._constants(table),
            self._schema_names.adjust(topic),
        )

    def _constants(self, table: TableId) -> Mapping[str, Default]:
        return {
            "version": cdc.__version__,
            "connector": "postgresql",
            "name": self._settings.topic_prefix,
            "db": self._settings.dbname,
            "schema": table.schema,
            "table": table.table,
            "xmin": None,
        }

    def _tell_left_out(self, table: TableId, column: ColumnFacts) -> None:
        if (table, column.name) not in self._left_out:
            self._left_out.add((table, column.name))
            kind = self._types.get(column.type_oid)
            log.warning(
                "column %s.%s is left out: its type %s is not known to cdc-stream",
                table,
                column.name,
                kind.name if kind else column.type_oid,
            )

    async def _columns(self, oid: int) -> list[ColumnFacts]:
        with refusals(self._settings):
            async with self._connection.cursor(row_factory=class_row(ColumnFacts)) as cursor:
                await cursor.execute(COLUMNS.encode(), (oid,))
                return await cursor.fetchall()

    async def _key(self, oid: int) -> list[int]:
        """Return the numbers of the columns of a table's key, in its order."""
        with refusals(self._settings):
            cursor = await self._connection.execute(KEY.encode(), (oid,))
            row = await cursor.fetchone()
        return list(row[0]) if row else []

    async def _learn_types(self, oids: Iterable[int]) -> None:
        """Read the types and, for domains and arrays, those beneath them; always anew, as enums and domains change."""
        wanted = set(oids)
        while wanted:
            with refusals(self._settings):
                async with self._connection.cursor(row_factory=class_row(PgType)) as cursor:
                    await cursor.execute(TYPES.encode(), (list(wanted),))
                    found = await cursor.fetchall()
            self._types.update((kind.oid, kind) for kind in found)
            wanted = {below for kind in found for below in (kind.base_oid, kind.element_oid) if below}


def _texts(names: Iterable[str]) -> Mapping[str, Kept]:
    """Say that the server's own texts of some columns are kept, by which rows are found again."""
    return {name: Kept(Column(name, STRING.as_optional(), key_only=True), TextDecoder()) for name in names}


def _aligned(relation: Relation, facts: Sequence[ColumnFacts]) -> list[ColumnFacts | None]:
    """Return for each column of the log what the catalogue says of it now: of its name, or of its place if it was renamed since.

    A place says something only while no column was ever dropped.
    """
    by_name = {found.name: found for found in facts}
    names = {column.name for column in relation.columns}
    undropped = all(found.number == place for place, found in enumerate(facts, 1))
    aligned: list[ColumnFacts | None] = []
    for place, column in enumerate(relation.columns):
        found = by_name.get(column.name)
        if found is None and undropped and place < len(facts) and _may_be(facts[place], column, names):
            found = facts[place]
        aligned.append(found)
    return aligned


def _may_be(found: ColumnFacts, column: RelationColumn, names: set[str]) -> bool:
    """Whether a column of the catalogue may be one that the log has under another name."""
    return found.type_oid == column.type_oid and found.name not in names


def _merged(relation: Relation, column: RelationColumn, facts: ColumnFacts | None) -> ColumnFacts:
    """Return a column as the log has it, with what the catalogue adds while it still describes the same column."""
    # Columns of a primary key, or of an index that is an identity, are never null.
    required = column.key and relation.identity in {"d", "i"}
    if facts is None or facts.type_oid != column.type_oid:
        return ColumnFacts(column.name, column.type_oid, column.typmod, required)
    return ColumnFacts(column.name, column.type_oid, column.typmod, required or facts.not_null, facts.default)


def _logged_key(relation: Relation, found: Sequence[str | None]) -> list[str]:
    """Return the key of a relation's rows: the catalogue's, unless the log was written under another one, or has not all of its columns.

    The old rows carry the columns that the log marks; the catalogue, which may have changed since, only knows their order in the key.
    """
    marked = [column.name for column in relation.columns if column.key]
    key = [name for name in found if name is not None]
    if relation.identity in {"d", "i"} and marked:
        return key if set(key) == set(marked) else marked
    return key if None not in found else []
