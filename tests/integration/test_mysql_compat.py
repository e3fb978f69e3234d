"""What other readers of the binlog get wrong, end to end through the source: each row as it was written, in a table of the same name as today's or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from cdc.history.memory import MemorySchemaHistory
from cdc.model.event import ABSENT
from cdc.sources.mysql.source import MySqlLog
from cdc.testing.conformance.source import Reading, read, snapshot_done
from tests.integration.mysql_log import settings
from tests.support.mysql_database import MySqlDatabase

END = "insert into the_end values (1)"


@pytest.fixture(params=["mysql_database", "mariadb_database"])
def database(request):
    return request.getfixturevalue(request.param)


async def streamed(database: MySqlDatabase, before: str, *statements: str) -> list[tuple[str, str, Any, Any]]:
    """Return (op, table, old row, new row) of what the statements write, each of which runs on its own; they are read when all have run."""
    return (await snapshot_and_stream(database, before, *statements))[1]


async def snapshot_and_stream(
    database: MySqlDatabase, before: str, *statements: str
) -> tuple[list[tuple[str, str, Any, Any]], list[tuple[str, str, Any, Any]]]:
    """Return the same of the snapshot, which is taken between, and of the stream."""
    await database.run(f"create table the_end (id int primary key); {before}")
    history, chosen = MemorySchemaHistory(), settings(database)
    source = MySqlLog(chosen, history)
    try:
        await source.start(None)
        reading = await read(source, snapshot_done)
    finally:
        await source.stop()
    for batch in reading.batches:
        await history.record(batch.history)
    for statement in (*statements, END):
        await database.run(statement)
    source = MySqlLog(chosen, history)
    try:
        await source.start(reading.offsets[-1])
        found = await read(source, lambda each: any(change[1] == "the_end" for change in _changes(each)))
    finally:
        await source.stop()
    return _changes(reading), [change for change in _changes(found) if change[1] != "the_end"]


def _changes(reading: Reading) -> list[tuple[str, str, Any, Any]]:
    return [
        (op, table.id.table, before, after)
        for batch in reading.batches
        for op, table, before, after, *_ in map(batch.row, range(len(batch)))
        if op
    ]


def new_rows(changes: Sequence[tuple[str, str, Any, Any]]) -> list[Any]:
    return [after for _, _, _, after in changes]


TABLE = "create table t (id int primary key, a varchar(200), b json)"


class TestTransactions:
    async def test_a_compressed_one_arrives_whole(self, mysql_database):
        compressed = f"""set binlog_transaction_compression = on;
            insert into t values (1, '{"x" * 200}', null), (2, '{"y" * 200}', null), (3, '{"z" * 200}', null)"""
        assert [row[0] for row in new_rows(await streamed(mysql_database, TABLE, compressed))] == [1, 2, 3]

    async def test_one_with_a_tagged_gtid_arrives(self, mysql_database):
        tagged = "set gtid_next = 'AUTOMATIC:mytag'; insert into t values (1, 'a', null)"
        changes = await streamed(
            mysql_database, TABLE, tagged, "flush binary logs", "insert into t values (2, 'b', null)"
        )
        assert [row[0] for row in new_rows(changes)] == [1, 2]


class TestImages:
    async def test_every_change_of_a_partial_json_update_is_applied(self, mysql_database):
        document = f"""{{"a": "{"x" * 200}", "b": 1, "c": 2}}"""
        partial = """set binlog_row_value_options = 'PARTIAL_JSON';
            update t set b = json_set(b, '$.b', 10, '$.c', 20)"""
        *_, (op, _, _, after) = await streamed(
            mysql_database, TABLE, f"insert into t values (1, 'a', '{document}')", partial
        )
        assert (op, after[2]) == ("u", document.replace(" ", "").replace(':1,"c":2', ':10,"c":20'))

    async def test_a_column_that_a_minimal_image_leaves_out_is_absent_and_not_null(self, database):
        minimal = "set binlog_row_image = 'MINIMAL'; update t set a = null"
        *_, (op, _, before, after) = await streamed(database, TABLE, "insert into t values (1, 'a', null)", minimal)
        assert (op, before, after) == ("u", (1, ABSENT, ABSENT), (1, None, ABSENT))

    async def test_a_row_of_twenty_megabytes_arrives(self, mysql_database):
        large = "insert into l values (1, repeat('x', 20 * 1024 * 1024))"
        ((_, _, _, after),) = await streamed(mysql_database, "create table l (id int primary key, v longblob)", large)
        assert after[1] == b"x" * (20 * 1024 * 1024)


class TestNames:
    async def test_each_row_has_the_columns_of_its_time(self, database):
        changes = await streamed(
            database,
            "create table n (x int, z int)",
            "insert into n values (1, 2)",
            "alter table n add column y int after x",
            "insert into n values (1, 3, 2)",
            "drop table n",
            "create table n (z varchar(9))",
            "insert into n values ('now')",
        )
        assert new_rows(changes) == [(1, 2), (1, 3, 2), ("now",)]

    async def test_rows_of_a_table_that_was_dropped_since_arrive(self, database):
        changes = await streamed(database, "create table g (id int)", "insert into g values (1)", "drop table g")
        assert new_rows(changes) == [(1,)]


VALUES = [
    ("varchar(9) character set utf16", "'é€'", "é€"),
    ("varchar(9) character set latin1", "'é'", "é"),
    ("year", "0", 0),
    ("time(3)", "'-00:00:01.5'", -1_500_000),
    ("binary(4)", "x'61000000'", b"a\0\0\0"),
    ("varbinary(4)", "''", b""),
    ("set('x', 'y')", "''", ""),
    ("date", "'0000-00-00'", None),
    ("bigint unsigned", "9223372036854775808", -(2**63)),
]


@pytest.mark.parametrize(("kind", "literal", "value"), VALUES, ids=[each[0] for each in VALUES])
async def test_a_value_arrives_as_it_was_written(database, kind, literal, value):
    insert = f"set sql_mode = ''; insert into v values ({literal})"
    assert new_rows(await streamed(database, f"create table v (v {kind} null)", insert)) == [(value,)]


JSON_VALUES = [
    ("cast(cast('-01:02:03.5' as time(1)) as json)", '"-01:02:03.5"'),
    ("cast('null' as json)", "null"),
    ("null", None),
]


@pytest.mark.parametrize(("expression", "text"), JSON_VALUES)
async def test_a_value_inside_json_arrives_as_it_was_written(mysql_database, expression, text):
    insert = f"insert into t values (1, null, {expression})"
    assert [row[2] for row in new_rows(await streamed(mysql_database, TABLE, insert))] == [text]


async def test_a_vector_arrives(mysql_database):
    insert = "insert into v values (string_to_vector('[1, 2.5, -3]'))"
    assert new_rows(await streamed(mysql_database, "create table v (v vector(3))", insert)) == [([1.0, 2.5, -3.0],)]
