"""Where Debezium's MySQL connector is not followed, one thing a test."""

from __future__ import annotations

import pytest

from cdc.errors import StatementLogged
from tests.integration.test_mysql_compat import TABLE, new_rows, snapshot_and_stream, streamed


async def test_rows_of_a_distributed_transaction_come_when_it_commits_and_never_when_it_is_rolled_back(mysql_database):
    changes = await streamed(
        mysql_database,
        TABLE,
        f"""xa start '{mysql_database.name}1'; insert into t values (1, 'rolled back', null); xa end '{mysql_database.name}1';
            xa prepare '{mysql_database.name}1'""",
        f"""xa start '{mysql_database.name}2'; insert into t values (2, 'committed', null); xa end '{mysql_database.name}2';
            xa prepare '{mysql_database.name}2'""",
        "insert into t values (3, 'between', null)",
        f"xa commit '{mysql_database.name}2'",
        f"xa rollback '{mysql_database.name}1'",
    )
    assert [row[0] for row in new_rows(changes)] == [3, 2]


async def test_a_change_that_is_logged_as_a_statement_is_an_error(mysql_database):
    with pytest.raises(StatementLogged):
        await streamed(
            mysql_database, TABLE, "set binlog_format = 'STATEMENT'; insert into t values (1, 'lost elsewhere', null)"
        )


async def test_a_type_means_the_same_whether_its_table_was_there_or_came_by_the_log(mysql_database):
    columns = "(id int primary key, flag bool, word char(3) unicode)"
    there, later = f"create table there {columns}", f"create table later {columns}"
    rows = "insert into there values (1, -1, 'é'); insert into later values (1, -1, 'é')"
    assert new_rows(await streamed(mysql_database, there, later, rows)) == [(1, -1, "é")] * 2


async def test_numbers_of_json_are_as_they_were_written(mysql_database):
    insert = """insert into t values (1, null, '{"a": 1.5e300, "b": [1, 2.5]}')"""
    assert [row[2] for row in new_rows(await streamed(mysql_database, TABLE, insert))] == ['{"a":1.5e300,"b":[1,2.5]}']


@pytest.mark.parametrize("image", ["MINIMAL", "NOBLOB"])
async def test_an_update_with_a_key_change_under_a_short_row_image_works(mysql_database, image):
    changes = await streamed(
        mysql_database,
        "create table ri (id int primary key, a varchar(10), b text, c int not null default 4)",
        "insert into ri values (1, 'a', 'b', 1)",
        f"set binlog_row_image = '{image}'; update ri set id = 7 where id = 1; delete from ri where id = 7",
    )
    assert [op for op, *_ in changes] == ["c", "d", "c", "d"]


SAME = [
    ("float", "-3.4028235e38"),
    ("float", "1.17549435e-38"),
    ("double(10,4)", "1.5555"),
    ("json", """'{"a": [1, 2.5, null, true, "x"], "d": 1.5e300}'"""),
    ("timestamp(3)", "'2001-01-01 00:00:00'"),
    ("timestamp(6)", "'1970-01-02 00:00:00'"),
    ("datetime", "'1582-10-10 00:00:00'"),
    ("year", "0"),
    ("date", "'0000-00-00'"),
    ("enum('a,b', 'c\\\\d')", "'a,b'"),
    ("set('a', 'c\\\\d')", "'a,c\\\\d'"),
]


@pytest.mark.parametrize(("kind", "literal"), SAME)
async def test_a_row_is_the_same_in_snapshot_and_stream(mysql_database, kind, literal):
    insert = f"set sql_mode = ''; insert into s values ({literal})"
    snapshot, stream = await snapshot_and_stream(mysql_database, f"create table s (v {kind} null); {insert}", insert)
    assert new_rows(snapshot) == new_rows(stream)
    assert len(stream) == 1


async def test_a_quote_in_a_default_is_one_quote(mysql_database):
    row = "insert into q (id) values (1)"
    table = "create table q (id int primary key, v varchar(9) default 'it''s')"
    snapshot, stream = await snapshot_and_stream(mysql_database, f"{table}; {row}", row.replace("1", "2"))
    assert new_rows(snapshot) + new_rows(stream) == [(1, "it's"), (2, "it's")]
