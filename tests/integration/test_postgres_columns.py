"""The rules on columns on a real server: snapshot and stream show the same columns, in the same form, under the same key."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any, LiteralString

import pytest

from cdc.config.columns import ColumnRules, Hash, KeyColumns, Mask, Truncation
from cdc.config.filters import NameFilter, NameList
from cdc.config.secret import Secret
from cdc.config.settings import NameAdjustment
from cdc.config.snapshot import SnapshotSettings
from cdc.errors import SourceRefused
from cdc.model.change import ChangeEvent, read_event
from cdc.model.event import UNAVAILABLE
from cdc.model.table import Table
from cdc.sources.postgres.source import PostgresLog
from cdc.testing.conformance.source import Reading, read
from tests.integration.postgres_log import settings
from tests.support.database import Database


class Seen:
    """What a source showed: the events, and the tables that they are of."""

    def __init__(self, reading: Reading) -> None:
        batches = reading.batches
        self.events: list[ChangeEvent] = [read_event(batch, at) for batch in batches for at in range(len(batch))]
        self.tables: list[Table] = list(dict.fromkeys(table for batch in batches for table in batch.tables))

    def of(self, op: str) -> list[ChangeEvent]:
        return [event for event in self.events if event.op == op]


async def seen(database: Database, statements: LiteralString, count: int, **options: Any) -> Seen:
    """Return the first events of a source: its snapshot, and the changes that some statements make when that is done."""
    source = PostgresLog(settings(database, **options))
    executed = False

    def enough(reading: Reading) -> bool:
        nonlocal executed
        if not executed and reading.batches[-1].position.snapshot is False:
            executed = True
            database.execute(statements)
        return sum(map(len, reading.batches)) >= count

    try:
        await source.start(None)
        return Seen(await read(source, enough))
    finally:
        await source.stop()


def changes(*rules: tuple[str, Mask | Hash | Truncation]) -> ColumnRules:
    return ColumnRules(changes=tuple((NameList.parse(pattern), change) for pattern, change in rules))


async def test_an_excluded_column_is_in_no_row_and_still_in_the_key(database):
    database.execute(
        "create table item (a int, b int, c int, primary key (c, a)); alter table item replica identity full"
    )
    database.execute("insert into item values (1, 2, 3)")
    rules = ColumnRules(NameFilter.parse("", r"public\.item\.a"))
    found = await seen(database, "insert into item values (4, 5, 6); delete from item where a = 1", 4, columns=rules)
    assert [(e.op, e.key, e.before, e.after) for e in found.events[:3]] == [
        ("r", {"c": 3, "a": 1}, None, {"b": 2, "c": 3}),
        ("c", {"c": 6, "a": 4}, None, {"b": 5, "c": 6}),
        ("d", {"c": 3, "a": 1}, {"b": 2, "c": 3}, None),
    ]


async def test_a_change_of_an_excluded_key_column_is_a_change_of_the_key(database):
    database.execute("create table item (id int primary key, v text)")
    rules = ColumnRules(NameFilter.parse(r"public\.item\.v", ""))
    found = await seen(database, "insert into item values (1, 'a'); update item set id = 2", 4, columns=rules)
    assert [(e.op, e.key) for e in found.events] == [
        ("c", {"id": 1}),
        ("d", {"id": 1}),
        ("", {"id": 1}),
        ("c", {"id": 2}),
    ]


async def test_snapshot_and_stream_change_values_alike_and_leave_the_key_as_it_is(database, caplog):
    database.execute(
        "create table item (code varchar(20) primary key, name text, secret varchar(8), data bytea, n int)"
    )
    row = "('k{}', 'ab😀cd', 'geheim', '\\x010203', 123456)"
    database.execute(("insert into item values " + row.format(1)).encode())
    rules = changes(
        (r"public\.item\.(code|n)", Mask(3)),
        (r"public\.item\.secret", Hash("sha256", Secret("CzQMA0cB5K"), serialized=True)),
        (r"public\.item\.(name|data)", Truncation(3)),
    )
    found = await seen(database, "insert into item values " + row.format(2), 2, columns=rules)
    shown = {"code": "***", "name": "ab", "data": b"\x01\x02\x03", "n": 123456}
    for event, key in zip(found.events, ("k1", "k2"), strict=True):
        assert event.after is not None
        assert {name: event.after[name] for name in shown} == shown
        assert len(str(event.after["secret"])) == 8, "a hash is cut to the length of its column"
        assert event.key == {"code": key}
    warned = {record.args[1] for record in caplog.records if record.args and "column %s" in str(record.msg)}
    assert warned == {"code", "n"}, "in the key, and not published as text"
    parameters = {column.name: dict(column.schema.parameters) for column in found.tables[0].row_columns}
    assert parameters == {
        "code": {"masked": "true"},
        "name": {"truncateLength": "3"},
        "secret": {"masked": "true"},
        "data": {"truncateLength": "3"},
        "n": {"masked": "true"},
    }


async def test_every_text_is_cut_and_no_number(database):
    database.execute("create table item (id int primary key, j jsonb, n numeric(20,2), b bit(16), c char(2))")
    statement = """insert into item values (1, '{"a": 1}', 123456789.25, B'0000000100000010', 'xy')"""
    found = await seen(database, statement, 1, columns=changes((r"public\.item\.[^i].*", Truncation(3))))
    expected = {"id": 1, "j": '{"a', "n": Decimal("123456789.25"), "b": b"\x02\x01", "c": "xy"}
    assert found.events[0].after == expected
    told = {column.name: column.schema.parameters.get("truncateLength") for column in found.tables[0].row_columns}
    assert told == {"id": None, "j": "3", "n": "3", "b": "3", "c": None}, "where the column is longer"


async def test_a_mask_hides_null_and_what_the_log_does_not_carry(database):
    database.execute("create table item (id int primary key, big text, name text)")
    database.execute("alter table item alter big set storage external")
    statements = "insert into item values (1, repeat('x', 10000), null); update item set name = 'b'"
    rules = changes((r"public\.item\.name", Mask(2)), (r"public\.item\.big", Truncation(4)))
    found = await seen(database, statements, 2, columns=rules)
    assert [event.after for event in found.events] == [
        {"id": 1, "big": "xxxx", "name": "**"},
        {"id": 1, "big": UNAVAILABLE, "name": "**"},
    ]


async def test_the_type_of_a_column_is_told_through_domains(database):
    database.execute("create domain short as varchar(7); create domain shorter as short")
    database.execute("create table item (id int primary key, v shorter, n numeric(6,2)[])")
    rules = ColumnRules(
        propagated=NameList.parse(r"public\.item\.(v|id)"), propagated_types=NameList.parse(".*_numeric")
    )
    found = await seen(database, "insert into item values (1, 'a', '{1}')", 1, columns=rules)
    told = {
        column.name: [
            column.schema.parameters.get(f"__debezium.source.column.{what}") for what in ("type", "length", "scale")
        ]
        for column in found.tables[0].row_columns
    }
    assert told == {"id": ["INT4", "10", "0"], "v": ["SHORTER", "7", "0"], "n": ["_NUMERIC", "6", "2"]}
    key = found.tables[0].key_schema()
    assert key is not None
    assert not key.fields[0].schema.parameters, "the key does not tell"


async def test_a_key_of_other_columns_has_their_order(database):
    database.execute("create table item (id int primary key, a text not null, b int)")
    database.execute("alter table item replica identity full; insert into item values (1, 'x', 2)")
    rules = ColumnRules(keys=KeyColumns.parse(r"public\.item:b,a"))
    found = await seen(database, "update item set id = 5; update item set b = 3; delete from item", 7, columns=rules)
    assert [(e.op, list((e.key or {}).items())) for e in found.events] == [
        ("r", [("b", 2), ("a", "x")]),
        ("u", [("b", 2), ("a", "x")]),
        ("d", [("b", 2), ("a", "x")]),
        ("", [("b", 2), ("a", "x")]),
        ("c", [("b", 3), ("a", "x")]),
        ("d", [("b", 3), ("a", "x")]),
        ("", [("b", 3), ("a", "x")]),
    ]


async def test_a_key_that_the_log_will_not_tell_is_warned_of(database, caplog):
    database.execute("create table item (id int primary key, a int not null)")
    rules = ColumnRules(keys=KeyColumns.parse(r"public\.item:id,a"))
    await seen(database, "insert into item values (1, 2)", 1, columns=rules)
    (warning,) = [record.getMessage() for record in caplog.records if "message.key.columns" in record.getMessage()]
    assert "whose columns a its replica identity does not cover" in warning
    assert "ALTER TABLE public.item REPLICA IDENTITY FULL" in warning


async def test_updates_without_a_change_of_published_columns_are_left_out(database):
    database.execute("create table item (id int primary key, a int, b int); alter table item replica identity full")
    statements = "insert into item values (1, 1, 1); update item set b = 2; update item set a = 2; update item set a = 2; delete from item"
    rules = ColumnRules(NameFilter.parse("", r"public\.item\.b"))
    found = await seen(database, statements, 4, columns=rules, skip_unchanged=True)
    assert [event.op for event in found.events] == ["c", "u", "d", ""]


async def test_names_are_made_fit_for_avro_in_values_and_keys(database):
    database.execute('create table "My-Table" ("I D" int primary key, "1st" text, a_b int)')
    database.execute("""insert into "My-Table" values (1, 'x', 2)""")
    found = await seen(
        database,
        """insert into "My-Table" values (2, 'y', 3)""",
        2,
        schema_names=NameAdjustment.AVRO,
        field_names=NameAdjustment.AVRO,
    )
    assert [(event.key, event.after) for event in found.events] == [
        ({"I_D": 1}, {"I_D": 1, "_1st": "x", "a_b": 2}),
        ({"I_D": 2}, {"I_D": 2, "_1st": "y", "a_b": 3}),
    ]
    assert found.tables[0].topic == "p.public.My-Table"
    assert found.tables[0].envelope_schema().name == "p.public.My_Table.Envelope"


async def test_columns_that_become_one_field_are_refused(database):
    database.execute('create table item (id int primary key, "a-b" int, a_b int); insert into item values (1, 2, 3)')
    with pytest.raises(SourceRefused, match=r"'a-b' and 'a_b' of public\.item both become the field a_b"):
        await seen(database, "", 1, field_names=NameAdjustment.AVRO)


@pytest.mark.parametrize(
    "snapshot",
    [
        SnapshotSettings(selects={"public.item": 'select "full name", n, code, "id-no" from item'}),
        SnapshotSettings(threads=2, ranges_per_thread=2),
    ],
    ids=["select", "threads"],
)
async def test_however_the_snapshot_reads_it_asks_for_columns_by_the_databases_names(database, snapshot):
    database.execute('create table item (n int, "id-no" int primary key, "full name" text, code text)')
    database.execute("insert into item values (1, 2, 'Ann', 'geheim')")
    rules = ColumnRules(
        NameFilter.parse("", r"public\.item\.(id-no|n)"), changes=((NameList.parse(r".*\.code"), Mask(3)),)
    )
    found = await seen(database, "", 1, columns=rules, field_names=NameAdjustment.AVRO, snapshot=snapshot)
    (event,) = found.events
    assert (event.key, event.after) == ({"id_no": 2}, {"full_name": "Ann", "code": "***"})


async def test_a_masked_enum_may_grow_and_its_schema_follows(database):
    database.execute("create type mood as enum ('sad'); create table item (id int primary key, m mood, h mood)")
    database.execute("insert into item values (1, 'sad', 'sad')")
    rules = changes((r".*\.h", Hash("sha256", Secret("salt"), serialized=False)), (r".*\.m", Truncation(2)))
    found = await seen(
        database,
        "begin; insert into item values (2, 'sad', 'sad'); alter type mood add value 'happy'; commit; begin; insert into item values (3, 'happy', 'happy'); commit",
        3,
        columns=rules,
    )
    hashed = [hashlib.sha256(b"salt" + text).hexdigest() for text in (b"sad", b"sad", b"happy")]
    rows = [event.after for event in found.events]
    assert rows == [{"id": at, "m": m, "h": h} for at, m, h in zip((1, 2, 3), ("sa", "sa", "ha"), hashed, strict=True)]
    allowed = [column.schema.parameters["allowed"] for column in found.tables[-1].row_columns[1:]]
    assert allowed == ["sad,happy", "sad,happy"]
