"""Definitions from the catalogue and from the binlog of real servers."""

from random import Random

import pymysql
import pytest

from cdc.errors import SourceRefused
from cdc.model.table import TableId
from cdc.sources.mysql.binlog.event_types import EventType
from cdc.sources.mysql.binlog.fields import Fields
from cdc.sources.mysql.binlog.query_event import read_query
from cdc.sources.mysql.binlog.table_map import parse_table_map
from cdc.sources.mysql.ddl.definitions import Definitions
from cdc.sources.mysql.ddl.sql_tokens import SqlMode
from cdc.sources.mysql.ddl.statements import DdlSession, apply_ddl
from cdc.sources.mysql.protocol.connection import Connection
from cdc.sources.mysql.schema.row_metadata import disagreement
from cdc.sources.mysql.snapshot.catalog import server_definitions, snapshot_statements
from tests.support.binlog import endpoint, log_end, read_log
from tests.support.mysql_ddl import RandomDdl, ServerTables, quoted

HEADER = 19


@pytest.fixture(params=["mysql_database", "mariadb_database"])
def database(request):
    return request.getfixturevalue(request.param)


async def snapshot(database, tables):
    async with await Connection.open(endpoint(database)) as connection:
        start = await server_definitions(connection)
        return [step async for step in snapshot_statements(connection, start, tables)]


def fill(database, seeds, *, mariadb):
    """Run random statements, and return the ids of the tables that there are then."""
    definitions = (apply_ddl(_empty(mariadb), f"CREATE DATABASE {database.name}", DdlSession())).definitions
    for seed in seeds:
        statement = RandomDdl(Random(seed), mariadb=mariadb).statement(definitions, database.name)
        try:
            database.execute(statement)
        except pymysql.Error:
            continue
        definitions = apply_ddl(definitions, statement, DdlSession(database=database.name)).definitions
    return [table.id for table in definitions]


def _empty(mariadb):
    return Definitions(mariadb=mariadb)


async def test_a_snapshot_has_the_tables_of_the_catalogue_in_debeziums_order(database):
    mariadb = "MariaDB" in database.execute("select version()")[0][0]
    fill(database, range(40), mariadb=mariadb)
    database.execute("CREATE TABLE `odd ``name` (`a b` int PRIMARY KEY, g int AS (1), p point NOT NULL)")
    server = ServerTables(database.execute, database.name)
    tables = [TableId(database.name, table) for table in server.tables()]
    steps = await snapshot(database, tables)
    words = [step.statement.partition(" ")[0] for step in steps]
    count = len(tables)
    assert words == ["SET", *["DROP"] * count, "DROP", "CREATE", "USE", *["CREATE"] * count]
    assert [step.outcome.database for step in steps] == ["", *[database.name] * (2 * count + 3)]
    assert server.described(steps[-1].outcome.definitions, database.name) == server.tables()


async def test_a_database_that_is_gone_is_refused(database):
    with pytest.raises(SourceRefused, match="database no_such_database is not there"):
        await snapshot(database, [TableId("no_such_database", "t")])


async def test_rows_in_the_binlog_fit_the_definitions_that_follow_from_its_statements(database):
    mariadb = "MariaDB" in database.execute("select version()")[0][0]
    start = log_end(database)
    for seed in range(60):
        _write(database, seed, mariadb=mariadb)
    events = await read_log(database, start, log_end(database))
    definitions, rows = _empty(mariadb), 0
    for event in events:
        body = event.event[HEADER:]
        if event.kind is EventType.QUERY:
            query = read_query(Fields(body, "a QUERY"), bytes)
            session = DdlSession(database=query.database, mode=SqlMode.of(query.sql_mode))
            if query.database == database.name:
                definitions = apply_ddl(definitions, query.text.decode(), session).definitions
        elif event.kind is EventType.TABLE_MAP:
            found = parse_table_map(event.event)
            if found.id.schema == database.name and not _has_hash(found):
                known = definitions.get(found.id.schema, found.id.table)
                assert known is not None
                assert disagreement(known, found) is None
                rows += 1
    assert rows > 10


def _has_hash(found):
    """Tell whether MariaDB keeps a column for a unique key on long texts; such tables are a named error so far."""
    return any(name.startswith("DB_ROW_HASH_") for name in found.names or ())


def _write(database, seed, *, mariadb):
    """Make a table, alter it, and write a row of it before and after."""
    random = RandomDdl(Random(seed), mariadb=mariadb)
    table = f"x{seed}"
    for statement in (
        random.statement(_empty(mariadb), database.name)
        .replace("`t`", table)
        .replace("`u`", table)
        .replace("`T`", table),
        f"INSERT IGNORE INTO {table} () VALUES ()",
        f"ALTER TABLE {table} ADD {quoted('new column')} int unsigned FIRST, CONVERT TO CHARACTER SET latin1",
        f"INSERT IGNORE INTO {table} () VALUES ()",
    ):
        try:
            database.execute(statement)
        except pymysql.Error:
            return


async def test_versioned_tables_of_mariadb_have_their_hidden_columns_in_the_binlog(mariadb_database):
    database = mariadb_database
    start = log_end(database)
    statement = "CREATE TABLE t (a int PRIMARY KEY) WITH SYSTEM VERSIONING"
    database.execute(statement)
    database.execute("INSERT INTO t VALUES (1)")
    known = apply_ddl(_empty(True), statement, DdlSession(database=database.name)).definitions.get(database.name, "t")
    events = await read_log(database, start, log_end(database))
    maps = [parse_table_map(each.event) for each in events if each.kind is EventType.TABLE_MAP]
    [found] = [each for each in maps if each.id.schema == database.name]
    assert known is not None
    assert disagreement(known, found) is None
