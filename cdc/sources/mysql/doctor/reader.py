"""Reads the facts, over one session that changes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from cdc.config.mysql_settings import MySqlSettings
from cdc.errors import CdcError, ConversionError, DdlUnreadable, SourceLost, SourceRefused
from cdc.model.position import Offset
from cdc.model.table import TableId
from cdc.sources.mysql.binlog.position import MySqlPosition
from cdc.sources.mysql.ddl.definitions import ColumnDefinition, Definitions, TableDefinition
from cdc.sources.mysql.ddl.statements import DdlSession, apply_ddl
from cdc.sources.mysql.doctor import queries
from cdc.sources.mysql.doctor.facts import Facts, TableFacts, UserFacts
from cdc.sources.mysql.protocol.connection import Connection, identifier, literal
from cdc.sources.mysql.protocol.replicas import read_replicas
from cdc.sources.mysql.protocol.server_errors import ServerRefused
from cdc.sources.mysql.schema.handling import ValueHandling
from cdc.sources.mysql.schema.types import resolve
from cdc.sources.mysql.server.facts import ServerFacts, read_variables
from cdc.sources.mysql.server.facts import read_facts as read_server
from cdc.sources.mysql.server.inspection import verdict
from cdc.sources.mysql.server.login import open_connection
from cdc.sources.mysql.snapshot.catalog import created, server_definitions

#: How many tables that pass no filter are told, to whom no table passes.
OTHERS: Final = 10


async def read_facts(settings: MySqlSettings, stored: Offset | None) -> Facts:
    """Return what the server tells; `stored` is the connector's offset, None where there is none or it is not known.

    Raises:
        SourceUnavailable: the server cannot be reached.
        SourceRefused: it refuses the user.
    """
    async with await open_connection(settings) as connection:
        await connection.execute("SET sql_mode = ''")
        return await _Reader(connection, settings).facts(stored)


class _Reader:
    """One reading of one server."""

    def __init__(self, connection: Connection, settings: MySqlSettings) -> None:
        self._connection = connection
        self._settings = settings

    async def facts(self, stored: Offset | None) -> Facts:
        server, hidden = await self._server()
        found = {TableId(str(row[0]), str(row[1])): row[2:] for row in await self._connection.texts(queries.RELATIONS)}
        wanted = [name for name in found if self._settings.tables.matches(name.schema, name.table)]
        definitions = await server_definitions(self._connection)
        return Facts(
            server=server,
            user=await self._user(),
            tables=[await self._table(name, found[name], definitions) for name in wanted],
            replicas=await read_replicas(self._connection),
            others=sorted(found.keys() - set(wanted), key=str)[:OTHERS],
            idle_patterns=_idle_patterns(self._settings, found),
            hidden_place=hidden,
            lost=self._lost(stored, server) if stored is not None and hidden is None and server.file else None,
            stored=stored is not None,
        )

    async def _server(self) -> tuple[ServerFacts, CdcError | None]:
        """Return the server, and why it does not say where its binlog stands."""
        try:
            return await read_server(self._connection), None
        except SourceRefused as error:
            variables = await read_variables(self._connection)
            connection = self._connection
            return ServerFacts(connection.server, connection.version, connection.mariadb, variables), error

    async def _user(self) -> UserFacts:
        ((who,),) = await self._connection.texts(queries.WHO)
        name, _, host = str(who).rpartition("@")
        ((_, cipher),) = await self._connection.texts(queries.CIPHER)
        query = queries.GRANTS  # MariaDB's tells the rights of the active role too
        if not self._connection.mariadb:
            ((roles,),) = await self._connection.texts(queries.ROLES)
            query = queries.grants_query(roles)
        lines = [str(line) for (line,) in await self._connection.texts(query)]
        account = f"{literal(name)}@{literal(host)}"
        return UserFacts(name, account, queries.parse_grants(lines), cipher or "")

    def _lost(self, stored: Offset, server: ServerFacts) -> SourceLost | None:
        try:
            position = MySqlPosition.from_offset(stored)
        except SourceLost as error:
            return error
        return None if position.snapshot else verdict(self._settings, position, server)

    async def _table(self, name: TableId, row: tuple[str | None, ...], definitions: Definitions) -> TableFacts:
        kind, engine, transactional = (str(value or "") for value in row)
        sql_name = f"{identifier(name.schema)}.{identifier(name.table)}"
        found = TableFacts(
            name, sql_name, engine, view="VIEW" in kind, transactional=transactional != "NO" and bool(engine)
        )
        if found.view:
            return found
        try:
            await self._connection.texts(f"SELECT 1 FROM {sql_name} LIMIT 0")  # noqa: S608 (quoted)
        except ServerRefused:
            return replace(found, readable=False)
        return await self._described(found, definitions)

    async def _described(self, table: TableFacts, definitions: Definitions) -> TableFacts:
        """Add what the connector itself makes of the definition."""
        try:
            statement = await created(self._connection, table.id)
            outcome = apply_ddl(definitions, statement, DdlSession(database=table.id.schema))
        except (DdlUnreadable, SourceRefused) as error:
            return replace(table, unreadable=error)
        known = outcome.definitions.get(table.id.schema, table.id.table)
        return table if known is None else _with_columns(table, known, self._settings)


def _with_columns(table: TableFacts, known: TableDefinition, settings: MySqlSettings) -> TableFacts:
    names, handling = [column.name for column in known.columns], ValueHandling.of(settings)
    return replace(
        table,
        has_primary_key=bool(known.primary_key),
        key=settings.columns.keys.choose(str(table.id), names) or list(known.record_key),
        generated=[column.name for column in known.columns if column.generated],
        invisible=[column.name for column in known.columns if column.invisible],
        unknown=[column.name for column in known.columns if not _is_mapped(column, handling)],
    )


def _is_mapped(column: ColumnDefinition, handling: ValueHandling) -> bool:
    try:
        return resolve(column, handling) is not None
    except ConversionError:
        return False


def _idle_patterns(settings: MySqlSettings, names: Iterable[TableId]) -> list[str]:
    texts = [str(name) for name in names]
    patterns = settings.tables.tables.include
    return [pattern.pattern for pattern in patterns if not any(pattern.fullmatch(text) for text in texts)]
