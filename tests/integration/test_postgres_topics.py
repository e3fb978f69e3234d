"""Topic names of a strategy on a real server: tables that share a topic, and what tells their rows apart."""

from __future__ import annotations

from cdc.config.replacement import Replacement
from cdc.config.topics import TopicNaming
from tests.integration.test_postgres_columns import seen

NAMING = TopicNaming(
    route=Replacement.parse("(.*)orders_[0-9]+", "$1orders"),
    key_field="shard",
    key_value=Replacement.parse(r".*\.orders_([0-9]+)", "$1"),
)


async def test_rows_of_tables_that_share_a_topic_have_keys_of_their_own(database):
    database.execute("create table orders_1 (id int primary key, v text); create table orders_2 (id int primary key)")
    database.execute("insert into orders_1 values (1, 'a'); insert into orders_2 values (1)")
    statements = "update orders_1 set id = 2 where id = 1; delete from orders_2"
    found = await seen(database, statements, 7, naming=NAMING)
    assert {table.topic.rpartition(".")[2] for table in found.tables} == {"orders"}
    assert [(e.op, e.key, e.after) for e in found.events] == [
        ("r", {"id": 1, "shard": "1"}, {"id": 1, "v": "a"}),
        ("r", {"id": 1, "shard": "2"}, {"id": 1}),
        ("d", {"id": 1, "shard": "1"}, None),
        ("", {"id": 1, "shard": "1"}, None),
        ("c", {"id": 2, "shard": "1"}, {"id": 2, "v": "a"}),
        ("d", {"id": 1, "shard": "2"}, None),
        ("", {"id": 1, "shard": "2"}, None),
    ]


async def test_rows_of_a_table_without_a_key_have_its_name_for_a_key(database):
    database.execute("create table orders_3 (v int)")
    found = await seen(database, "insert into orders_3 values (1), (2)", 2, naming=NAMING)
    assert [(e.key, e.after) for e in found.events] == [({"shard": "3"}, {"v": 1}), ({"shard": "3"}, {"v": 2})]
