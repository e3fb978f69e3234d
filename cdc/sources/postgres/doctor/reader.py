"""Reads the facts: over one session that can change nothing, and one replication connection that is closed again at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from psycopg.rows import class_row, dict_row

from cdc.config.settings import PostgresSettings
from cdc.errors import CdcError, SourceLost
from cdc.model.position import Offset
from cdc.model.table import TableId
from cdc.sources.postgres.doctor import queries
from cdc.sources.postgres.doctor.facts import Facts, PublicationFacts, RoleFacts, ServerFacts, SlotFacts, TableFacts
from cdc.sources.postgres.protocol.connection import Connection, connect, refusals
from cdc.sources.postgres.protocol.reader import ReplicationStream
from cdc.sources.postgres.server.catalog import Catalog
from cdc.sources.postgres.server.continuity import is_overruled
from cdc.sources.postgres.server.inspection import inspect
from cdc.sources.postgres.server.publication import PublishedTable, published_tables
from cdc.sources.postgres.wal.position import PostgresPosition

T = TypeVar("T")

#: How many tables that pass no filter are told, to whom no table passes.
OTHERS: Final = 10


async def read_facts(settings: PostgresSettings, stored: Offset | None) -> Facts:
    """Return what the server tells; `stored` is the connector's offset, None where there is none or it is not known.

    Raises:
        SourceUnavailable: the server cannot be reached.
        SourceRefused: it refuses the user or the database.
    """
    connection = await connect(settings)
    try:
        with refusals(settings):
            await connection.execute("set default_transaction_read_only = on")
            return await _Reader(connection, settings).facts(stored)
    finally:
        await connection.close()


class _Reader:
    """One reading of one server."""

    def __init__(self, connection: Connection, settings: PostgresSettings) -> None:
        self._connection = connection
        self._settings = settings

    async def facts(self, stored: Offset | None) -> Facts:
        slot = await self._row(SlotFacts, queries.SLOT, self._settings.slot_name)
        publication = await self._row(PublicationFacts, queries.PUBLICATION, self._settings.publication_name)
        published = {table.id: table for table in await published_tables(self._connection, self._settings)}
        server, role = await self._server(), await self._one(RoleFacts, queries.ROLE)
        replication = await self._replication()
        lost = await self._lost(stored) if stored is not None and replication is None else None
        names = {TableId(schema, name): oid for oid, schema, name in await self._rows(queries.RELATIONS)}
        wanted = [name for name in names if self._settings.tables.matches(name.schema, name.table)]
        other = sorted(names.keys() - set(wanted), key=str)
        return Facts(
            server=server,
            role=role,
            slot=slot,
            publication=publication,
            tables=await self._tables({name: names[name] for name in wanted}, published),
            others=other[:OTHERS],
            idle_patterns=_idle_patterns(self._settings, names),
            foreign_published=await self._tables({name: names[name] for name in other if name in published}, published),
            replication=replication,
            lost=lost,
            overruled=isinstance(lost, SourceLost) and is_overruled(lost, self._settings.offset_mismatch),
            stored=stored is not None,
        )

    async def _server(self) -> ServerFacts:
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(queries.SERVER.encode(), (self._settings.publication_name,))
            (found,) = await cursor.fetchall()
        numbers = dict(await self._rows(queries.NUMBERS, list(queries.SETTINGS)))
        return ServerFacts(**found, numbers=numbers)

    async def _replication(self) -> CdcError | None:
        """Return why no replication connection can be opened."""
        try:
            stream = await ReplicationStream.open(self._settings)
        except CdcError as error:
            return error
        await stream.close()
        return None

    async def _lost(self, stored: Offset) -> CdcError | None:
        """Return why the stream cannot go on behind the stored offset; None when it can, and where that cannot be known."""
        try:
            return (await inspect(self._settings, PostgresPosition.from_offset(stored))).lost
        except SourceLost as error:
            return error
        except CdcError:  # the slot is none for a connector, which is found without its help
            return None

    async def _tables(
        self, wanted: Mapping[TableId, int], published: Mapping[TableId, PublishedTable]
    ) -> Sequence[TableFacts]:
        async with self._connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(queries.DETAILS.encode(), (list(wanted.values()),))
            found = {row.pop("oid"): row for row in await cursor.fetchall()}
        columns = await self._columns(wanted.values())
        tables = [
            _published(_table(name, found[oid]), published.get(name)) for name, oid in wanted.items() if oid in found
        ]
        return [await self._with_types(table, wanted[table.id], columns.get(wanted[table.id], [])) for table in tables]

    async def _columns(self, oids: Iterable[int]) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        for oid, name in await self._rows(queries.COLUMNS, list(oids)):
            found.setdefault(oid, []).append(name)
        return found

    async def _with_types(self, table: TableFacts, oid: int, columns: Sequence[str]) -> TableFacts:
        """Add what the connector itself makes of the columns."""
        if not table.capturable:
            return table
        catalog = Catalog(self._connection, self._settings)
        plan = await catalog.snapshot_plan(oid, table.id, None)
        known = [column.name for column in plan.table.columns] if plan.table else []
        key = [known[place] for place in plan.table.key] if plan.table else []
        return replace(table, key=key, unknown=[name for name in columns if name in catalog.left_out(table.id)])

    async def _row(self, kind: type[T], query: str, *parameters: object) -> T | None:
        async with self._connection.cursor(row_factory=class_row(kind)) as cursor:
            await cursor.execute(query.encode(), parameters or None)
            return await cursor.fetchone()

    async def _one(self, kind: type[T], query: str) -> T:
        found = await self._row(kind, query)
        if found is None:
            raise RuntimeError("the server has answered without a row")
        return found

    async def _rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        cursor = await self._connection.execute(query.encode(), parameters)
        return await cursor.fetchall()


def _table(name: TableId, row: dict[str, Any]) -> TableFacts:
    leaves = [TableId(schema, table) for schema, table in row.pop("leaves")]
    return TableFacts(name, **row, leaves=leaves)


def _published(table: TableFacts, found: PublishedTable | None) -> TableFacts:
    if found is None:
        return table
    return replace(table, published=True, row_filter=found.filter, column_list=found.column_list)


def _idle_patterns(settings: PostgresSettings, names: Iterable[TableId]) -> list[str]:
    texts = [f"{name.schema}.{name.table}" for name in names]
    patterns = settings.tables.tables.include
    return [pattern.pattern for pattern in patterns if not any(pattern.fullmatch(text) for text in texts)]
