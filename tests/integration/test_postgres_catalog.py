"""What the catalogue adds to the log: keys, nullability, defaults, domains, enums, and tables under other names."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from cdc.config.settings import DecimalMode
from cdc.model.schema import ConnectType, Decimal, Schema
from cdc.model.table import Table, TableId
from cdc.sources.columns.row import RowPlan
from cdc.sources.postgres.protocol.connection import connect
from cdc.sources.postgres.server.catalog import Catalog
from cdc.sources.postgres.wal.relation import Relation, RelationColumn
from tests.integration.postgres_log import settings
from tests.support.database import Database

Plan = Callable[..., Awaitable[RowPlan]]


def oid_of(database: Database, name: str) -> int:
    return int(database.execute("select %s::regclass::oid::bigint", name)[0][0])


async def snapshot_table(database: Database, name: str, **options: Any) -> Table:
    """Return the table as a snapshot describes it."""
    connection = await connect(settings(database, **options))
    try:
        schema, _, table = name.rpartition(".")
        catalog = Catalog(connection, settings(database, **options))
        plan = await catalog.snapshot_plan(oid_of(database, name), TableId(schema or "public", table), None)
    finally:
        await connection.close()
    assert plan.table is not None
    return plan.table


async def stream_plan(database: Database, relation: Relation, **options: Any) -> RowPlan:
    """Return the plan for a relation that the log describes."""
    connection = await connect(settings(database, **options))
    try:
        return await Catalog(connection, settings(database, **options)).stream_plan(relation)
    finally:
        await connection.close()


def schemas(table: Table) -> dict[str, Schema]:
    return {column.name: column.schema for column in table.columns}


def key_of(table: Table) -> list[str]:
    return [table.columns[place].name for place in table.key]


class TestKeys:
    @pytest.mark.parametrize(
        ("definition", "key"),
        [
            ("(a int primary key, b int)", ["a"]),
            ("(a int, b int, c int, primary key (c, a))", ["c", "a"]),
            ("(a int, b int)", []),
            ("(a int not null unique, b int)", ["a"]),
            ("(a int unique, b int)", ["a"]),
            ("(a int primary key, b int not null unique)", ["a"]),
            ("(a int not null, b int not null, unique (b, a))", ["b", "a"]),
        ],
    )
    async def test_of_a_table(self, database, definition, key):
        database.execute(f"create table item {definition}".encode())
        assert key_of(await snapshot_table(database, "item")) == key

    async def test_the_identity_index_comes_first(self, database):
        database.execute("create table item (a int primary key, b int not null unique)")
        database.execute("alter table item replica identity using index item_b_key")
        assert key_of(await snapshot_table(database, "item")) == ["b"]

    @pytest.mark.parametrize("index", ["unique index on item (lower(a))", "index on item (a)"])
    async def test_an_index_that_tells_no_rows_apart_is_no_key(self, database, index):
        database.execute("create table item (a text, b int)")
        database.execute(f"create {index}".encode())
        assert key_of(await snapshot_table(database, "item")) == []

    async def test_columns_that_an_index_only_carries_are_no_part_of_it(self, database):
        database.execute("create table item (a int, b int, primary key (a) include (b))")
        assert key_of(await snapshot_table(database, "item")) == ["a"]

    def relation(self, database: Database, identity: str, *marked: str) -> Relation:
        columns = [RelationColumn(name, 23, -1, name in marked) for name in "abc"]
        return Relation(oid_of(database, "item"), "public", "item", identity, tuple(columns))

    async def test_the_log_decides_which_columns_and_the_catalogue_their_order(self, database):
        database.execute("create table item (a int, b int, c int not null unique, primary key (b, a))")
        plan = await stream_plan(database, self.relation(database, "d", "a", "b"))
        assert plan.table is not None
        assert key_of(plan.table) == ["b", "a"]
        plan = await stream_plan(database, self.relation(database, "i", "c"))
        assert plan.table is not None
        assert key_of(plan.table) == ["c"], "the log was written under another identity"

    async def test_whole_old_rows_have_the_key_of_the_catalogue(self, database):
        database.execute("create table item (a int, b int, c int, primary key (b))")
        plan = await stream_plan(database, self.relation(database, "f", "a", "b", "c"))
        assert plan.table is not None
        assert key_of(plan.table) == ["b"]


class TestColumns:
    async def test_nullability(self, database):
        database.execute("create table item (a int primary key, b int not null, c int)")
        found = schemas(await snapshot_table(database, "item"))
        assert {name: schema.optional for name, schema in found.items()} == {"a": False, "b": False, "c": True}

    async def test_defaults(self, database):
        database.execute(
            """create table item (id int primary key, n int not null default 42, t text default 'it''s', b bool default true,
               d numeric(6,2) not null default 1.5, s serial, j text default null,
               g int generated always as (n * 2) stored)"""
        )
        found = schemas(await snapshot_table(database, "item"))
        assert found["n"].default == 42
        assert found["t"].default == "it's"
        assert found["b"].default is True
        assert found["d"].default == Decimal(150, 2)
        assert found["j"].default is None
        if "g" in found:
            assert found["g"].default is None, "a generated column has no default"

    async def test_domains_are_what_lies_beneath_them(self, database):
        database.execute("create domain money2 as numeric(10,2); create domain deeper as money2 check (value > 0)")
        database.execute("create table item (id int primary key, d deeper, t timestamptz)")
        found = schemas(await snapshot_table(database, "item"))
        assert found["d"].name == "org.apache.kafka.connect.data.Decimal"
        assert found["d"].parameters["scale"] == "2"

    async def test_enums_name_their_labels_even_those_added_later(self, database):
        database.execute(
            "create type mood as enum ('sad', 'ok'); create table item (id int primary key, m mood, ms mood[])"
        )
        connection = await connect(settings(database))
        try:
            catalog = Catalog(connection, settings(database))
            oid, table = oid_of(database, "item"), TableId("public", "item")
            before = await catalog.snapshot_plan(oid, table, None)
            database.execute("alter type mood add value 'happy'")
            after = await catalog.snapshot_plan(oid, table, None)
        finally:
            await connection.close()
        assert before.table is not None
        assert after.table is not None
        assert schemas(before.table)["m"].parameters["allowed"] == "sad,ok"
        assert schemas(after.table)["m"].parameters["allowed"] == "sad,ok,happy"

    async def test_settings_decide_how_values_appear(self, database):
        database.execute("create table item (id int primary key, n numeric(10,2))")
        found = schemas(await snapshot_table(database, "item", decimal_mode=DecimalMode.STRING))
        assert found["n"].type is ConnectType.STRING

    async def test_an_unknown_type_is_left_out_and_named_once(self, database, caplog):
        database.execute("create table item (id int primary key, p point, q point)")
        caplog.set_level(logging.WARNING)
        connection = await connect(settings(database))
        try:
            catalog = Catalog(connection, settings(database))
            for _ in range(3):
                plan = await catalog.snapshot_plan(oid_of(database, "item"), TableId("public", "item"), None)
        finally:
            await connection.close()
        assert plan.table is not None
        left_out = [name for name in "pq" if name not in schemas(plan.table)]
        assert [record.getMessage() for record in caplog.records if "left out" in record.getMessage()] == [
            f"column public.item.{name} is left out: its type point is not known to cdc-stream" for name in left_out
        ]

    async def test_some_columns_alone(self, database):
        database.execute("create table item (id int primary key, a text, b text)")
        connection = await connect(settings(database))
        try:
            catalog = Catalog(connection, settings(database))
            plan = await catalog.snapshot_plan(oid_of(database, "item"), TableId("public", "item"), ["b", "id"])
        finally:
            await connection.close()
        assert plan.table is not None
        assert list(schemas(plan.table)) == ["id", "b"]


class TestStreamPlans:
    async def test_what_the_log_says_comes_before_the_catalogue(self, database):
        """The rows were written before the table changed: their types are the log's; nullability is unknown then."""
        database.execute("create table item (id int primary key, a text not null default 'x')")
        columns = (
            RelationColumn("id", 23, -1, True),
            RelationColumn("a", 20, -1, False),
            RelationColumn("gone", 25, -1, False),
        )
        plan = await stream_plan(database, Relation(oid_of(database, "item"), "public", "item", "d", columns))
        assert plan.table is not None
        found = schemas(plan.table)
        assert list(found) == ["id", "a", "gone"]
        assert (found["a"].type, found["a"].optional, found["a"].default) == (ConnectType.INT64, True, None)
        assert (found["gone"].type, found["gone"].optional) == (ConnectType.STRING, True)

    async def test_a_table_that_is_gone(self, database):
        columns = (RelationColumn("id", 23, -1, True), RelationColumn("a", 25, -1, False))
        plan = await stream_plan(database, Relation(4_000_000_000, "public", "gone", "d", columns))
        assert plan.table is not None
        assert key_of(plan.table) == ["id"]
        assert {name: schema.optional for name, schema in schemas(plan.table).items()} == {"id": False, "a": True}

    async def test_columns_that_were_renamed_since_are_known_by_their_place(self, database):
        database.execute("create table item (id int primary key, a text not null default 'x', later int)")
        database.execute("alter table item replica identity full; alter table item rename id to number")
        database.execute("alter table item rename a to name")
        columns = (RelationColumn("id", 23, -1, True), RelationColumn("a", 25, -1, True))
        plan = await stream_plan(database, Relation(oid_of(database, "item"), "public", "item", "f", columns))
        assert plan.table is not None
        assert key_of(plan.table) == ["id"]
        found = schemas(plan.table)
        assert (found["id"].optional, found["a"].optional, found["a"].default) == (False, False, "x")

    async def test_tables_that_share_a_topic_are_told_of(self, database, caplog):
        database.execute('create table "a b" (id int primary key); create table a_b (id int primary key)')
        connection = await connect(settings(database))
        try:
            catalog = Catalog(connection, settings(database))
            for name in ("a b", "a_b", "a_b"):
                await catalog.snapshot_plan(oid_of(database, f'"{name}"'), TableId("public", name), None)
        finally:
            await connection.close()
        (warning,) = [record.getMessage() for record in caplog.records]
        assert warning.startswith("the tables public.a b and public.a_b share the topic p.public.a_b")

    async def test_a_key_stays_one_when_its_type_has_changed_since(self, database):
        database.execute("create table item (id bigint primary key); alter table item replica identity full")
        columns = (RelationColumn("id", 23, -1, True),)
        plan = await stream_plan(database, Relation(oid_of(database, "item"), "public", "item", "f", columns))
        assert plan.table is not None
        assert key_of(plan.table) == ["id"]
        assert schemas(plan.table)["id"].type is ConnectType.INT32

    async def test_places_say_nothing_once_a_column_was_dropped(self, database):
        database.execute("create table item (id int primary key, gone text, b text not null default 'x')")
        database.execute("alter table item drop gone")
        columns = (RelationColumn("id", 23, -1, True), RelationColumn("gone", 25, -1, False))
        plan = await stream_plan(database, Relation(oid_of(database, "item"), "public", "item", "d", columns))
        assert plan.table is not None
        assert (schemas(plan.table)["gone"].optional, schemas(plan.table)["gone"].default) == (True, None)

    async def test_a_table_that_is_not_captured(self, database):
        columns = (RelationColumn("id", 23, -1, True),)
        plan = await stream_plan(database, Relation(1, "public", "item", "d", columns), include="public.other")
        assert (plan.table, plan.targets) == (None, (-1,))

    async def test_names(self, database):
        database.execute('create schema "Od d"; create table "Od d"."It em" (id int primary key)')
        oid = oid_of(database, '"Od d"."It em"')
        plan = await stream_plan(database, Relation(oid, "Od d", "It em", "d", (RelationColumn("id", 23, -1, True),)))
        assert plan.table is not None
        assert (plan.table.topic, str(plan.table.id)) == ("p.Od_d.It_em", "Od d.It em")
        constants = plan.table.source_constants
        assert (constants["schema"], constants["table"], constants["db"]) == ("Od d", "It em", database.name)
