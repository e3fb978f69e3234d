"""The publication: which tables the server sends, and how it is created."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from psycopg import sql
from psycopg.rows import class_row

from cdc.config.settings import PostgresSettings, PublicationAutocreate
from cdc.errors import SourceRefused
from cdc.model.table import TableId
from cdc.sources.postgres.protocol.connection import Connection, refusals
from cdc.sources.postgres.wal.position import PublicationEvidence

log = logging.getLogger(__name__)

CANDIDATES = """
select n.nspname, c.relname, array(
    select array[an.nspname, ac.relname]::text[] from pg_partition_ancestors(c.oid) a join pg_class ac on ac.oid = a.relid
    join pg_namespace an on an.oid = ac.relnamespace where a.relid <> c.oid) as ancestors
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and c.relpersistence = 'p'
  and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\\_toast%'
order by 1, 2
"""
# Row filters and column lists came with PostgreSQL 15.
PUBLISHED = """
select c.oid::bigint as oid, n.nspname as schema, c.relname as name, c.relkind::text as kind, c.relreplident::text as identity,
       greatest(c.reltuples, 0)::bigint as estimated_rows, t.rowfilter as filter,
       (select array_agg(a.attname::text order by a.attnum) from pg_publication_rel r join pg_publication p on p.oid = r.prpubid
        join pg_attribute a on a.attrelid = r.prrelid and a.attnum = any (r.prattrs)
        where p.pubname = t.pubname and r.prrelid = c.oid) as column_list,
       exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary) as has_primary_key
from pg_publication_tables t join pg_namespace n on n.nspname = t.schemaname
join pg_class c on c.relnamespace = n.oid and c.relname = t.tablename
where t.pubname = %s order by 2, 3
"""
PUBLISHED_BEFORE_15 = PUBLISHED.replace("t.rowfilter as filter", "null::text as filter").replace(
    "a.attnum = any (r.prattrs)", "false"
)
UNLOGGED = """
select c.oid::bigint as oid, n.nspname as schema, c.relname as name, c.relkind::text as kind, c.relreplident::text as identity,
       greatest(c.reltuples, 0)::bigint as estimated_rows, null::text as filter, null::text[] as column_list, true as has_primary_key
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and c.relpersistence = 'u' and not c.relispartition
"""


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """A table that the publication sends, or one that only a snapshot can read; `kind` is r, or p for a partitioned one.

    `column_list` None means all columns; generated ones are in the snapshot then, and in the stream only where PostgreSQL 18 publishes them.
    """

    oid: int
    schema: str
    name: str
    kind: str
    identity: str
    estimated_rows: int
    filter: str | None
    column_list: Sequence[str] | None
    has_primary_key: bool

    @property
    def id(self) -> TableId:
        """The table's name."""
        return TableId(self.schema, self.name)


async def ensure_publication(connection: Connection, settings: PostgresSettings) -> None:
    """Create the publication, or bring a filtered one up to date, as `publication.autocreate.mode` says.

    Raises:
        SourceRefused: it is absent and may not be created, or no table matches the filter.
    """
    name, mode = settings.publication_name, settings.publication_autocreate
    with refusals(settings):
        cursor = await connection.execute(
            "select puballtables, pubviaroot from pg_publication where pubname = %s", (name,)
        )
        found = await cursor.fetchone()
    if found is None:
        await _create(connection, settings)
        return
    all_tables, via_root = found
    if settings.publish_via_root and not via_root:
        log.warning(
            "publication %s shows changes of partitions under the partition, although publish.via.partition.root is true."
            " Its owner can change that: ALTER PUBLICATION %s SET (publish_via_partition_root = true)",
            name,
            name,
        )
    if mode is PublicationAutocreate.FILTERED and not all_tables:
        await _refresh(connection, settings)


async def find_publication(connection: Connection, settings: PostgresSettings) -> PublicationEvidence:
    """Return what tells the configured publication from others of its name."""
    name = settings.publication_name
    with refusals(settings):
        cursor = await connection.execute("select oid::bigint from pg_publication where pubname = %s", (name,))
        found = await cursor.fetchone()
    return PublicationEvidence(name, int(found[0]) if found else 0)


async def check_nothing_missed(connection: Connection, settings: PostgresSettings) -> None:
    """Refuse to begin at a slot without its publication: the server does not send what was written while there was none.

    PostgreSQL 18 leaves it out in silence; earlier versions end the stream there each time. What is missing may be in the snapshot.
    Behind a stored offset nothing may be missing, which `continuity.verdict` judges.

    Raises:
        SourceRefused: changes that the slot was made for are missing, or the server could not send what comes behind them.
    """
    slot, name = settings.slot_name, settings.publication_name
    if (await find_publication(connection, settings)).oid:
        return
    if not settings.snapshot_policy.at_first or connection.info.server_version < 180000:
        raise SourceRefused(
            f"slot {slot} was created before publication {name}, and the server does not send what was written in between",
            f"Drop the slot, which is created again behind the publication: select pg_drop_replication_slot('{slot}').",
        )


async def _create(connection: Connection, settings: PostgresSettings) -> None:
    name, mode = settings.publication_name, settings.publication_autocreate
    if mode is PublicationAutocreate.DISABLED:
        raise SourceRefused(
            f"publication {name} does not exist in database {settings.dbname}, and publication.autocreate.mode is disabled",
            f"Create it (CREATE PUBLICATION {name} FOR TABLE …), or set publication.autocreate.mode to filtered.",
        )
    if mode is PublicationAutocreate.ALL_TABLES:
        scope: sql.Composable = sql.SQL("for all tables")
    else:
        scope = _for_tables(await _wanted(connection, settings))
    options = sql.SQL(" with (publish_via_partition_root = true)" if settings.publish_via_root else "")
    statement = sql.SQL("create publication {} {}{}").format(sql.Identifier(name), scope, options)
    await _run(connection, settings, statement)
    log.info("created publication %s (%s)", name, mode)


async def _refresh(connection: Connection, settings: PostgresSettings) -> None:
    """Make the publication's tables those that the filter matches now."""
    wanted = await _wanted(connection, settings)
    with refusals(settings):
        cursor = await connection.execute(
            "select n.nspname, c.relname from pg_publication_rel r join pg_publication p on p.oid = r.prpubid "
            "join pg_class c on c.oid = r.prrelid join pg_namespace n on n.oid = c.relnamespace where p.pubname = %s",
            (settings.publication_name,),
        )
        published = {TableId(*row) for row in await cursor.fetchall()}
    missing = [table for table in wanted if table not in published]
    if missing:
        statement = sql.SQL("alter publication {} add {}").format(
            sql.Identifier(settings.publication_name), _tables(missing)
        )
        await _run(connection, settings, statement)
        log.info("added %s to publication %s", ", ".join(map(str, missing)), settings.publication_name)


async def _wanted(connection: Connection, settings: PostgresSettings) -> list[TableId]:
    with refusals(settings):
        cursor = await connection.execute(CANDIDATES)
        rows = {TableId(schema, name): ancestors for schema, name, ancestors in await cursor.fetchall()}
    matching = {table for table in rows if settings.tables.matches(table.schema, table.table)}
    # A partitioned table brings its partitions, also later ones.
    wanted = [t for t in rows if t in matching and matching.isdisjoint(TableId(*above) for above in rows[t])]
    if not wanted:
        raise no_table(settings, list(rows))
    return wanted


def no_table(settings: PostgresSettings, present: Sequence[TableId]) -> SourceRefused:
    """Return the error for a filter that matches nothing."""
    shown = ", ".join(map(str, present[:10])) or "none"
    return SourceRefused(
        f"no table of database {settings.dbname} matches table.include.list and the other filters (tables there: {shown})",
        "Correct the filters; names are written schema.table and a pattern must match the whole name.",
    )


def _for_tables(tables: Iterable[TableId]) -> sql.Composable:
    return sql.SQL("for {}").format(_tables(tables))


def _tables(tables: Iterable[TableId]) -> sql.Composable:
    return sql.SQL("table {}").format(sql.SQL(", ").join(sql.Identifier(t.schema, t.table) for t in tables))


async def _run(connection: Connection, settings: PostgresSettings, statement: sql.Composed) -> None:
    try:
        with refusals(settings):
            await connection.execute(statement)
    except SourceRefused as error:
        raise SourceRefused(
            f"publication {settings.publication_name} cannot be created or changed: {error}",
            "Let its owner do it, with publication.autocreate.mode=disabled here; `all_tables` needs a superuser, "
            "`filtered` the owner of the tables.",
        ) from error


async def published_tables(connection: Connection, settings: PostgresSettings) -> list[PublishedTable]:
    """Return all tables that the publication sends, captured or not, in the order of `table.include.list`, then by name."""
    query = PUBLISHED if connection.info.server_version >= 150000 else PUBLISHED_BEFORE_15
    tables = await _tables_of(connection, settings, query, settings.publication_name)
    return in_order(tables, settings)


async def unlogged_tables(connection: Connection, settings: PostgresSettings) -> list[PublishedTable]:
    """Return the captured tables that are unlogged: the log never tells of them, but a snapshot can read them."""
    tables = await _tables_of(connection, settings, UNLOGGED)
    return [table for table in tables if settings.tables.matches(table.schema, table.name)]


def in_order(tables: Iterable[PublishedTable], settings: PostgresSettings) -> list[PublishedTable]:
    """Return tables in the order of a snapshot: that of `table.include.list`, then by name."""
    return sorted(tables, key=lambda table: (settings.tables.place(table.schema, table.name), table.schema, table.name))


async def _tables_of(
    connection: Connection, settings: PostgresSettings, query: str, *parameters: str
) -> list[PublishedTable]:
    with refusals(settings):
        async with connection.cursor(row_factory=class_row(PublishedTable)) as cursor:
            await cursor.execute(query.encode(), parameters)
            return await cursor.fetchall()
