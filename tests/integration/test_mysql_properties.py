"""What single properties of Debezium's do to records, on real servers and in Kafka, where no golden case shows it.

What is expected was compared with the records of Debezium's MySQL connector 3.6.1 for the same statements.
"""

from __future__ import annotations

import hashlib
import json
import logging
from contextlib import contextmanager
from typing import Any

import pytest

from cdc.testing.servers import MySqlServer
from tests.support.binlog import IDS
from tests.support.connector import InThread, until
from tests.support.kafka_reader import read_committed, topics
from tests.support.mysql_connector import config
from tests.support.mysql_database import created, dropped

WORD = "sally.thomas@acme.com"
PEOPLE = """create table people (id int primary key, email varchar(64), short char(10), free text, n int, bin varbinary(20), kind enum('aa', 'bb'),
    none varchar(9))"""
SALLY = f"insert into people values ({{0}}, '{WORD}', '{WORD[:10]}', '{WORD}', 5, x'0102030405', 'bb', null)"


@pytest.fixture(params=["mysql_database", "mariadb_database"])
def database(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def run(database, kafka):
    return lambda *steps, **given: records(database, kafka, *steps, **given)


def records(database, kafka, before: str, after: str, count: int, **properties: str) -> list[tuple[str, Any, Any]]:
    """Return topic, key and value of so many records of tables: of the rows that are there, and of those that statements write later.

    Topics are named without their prefix, and the database is DB. Properties have _ for the dots of their names.
    """
    database.execute(before)
    named = {name: value.replace("DB", database.name) for name, value in properties.items()}
    # The server may still list the replica of the test before.
    given = config(database, kafka.url, database_server_id=str(next(IDS)), **named)
    with running(given) as connector:
        prefix = given["topic.prefix"]
        history = given["schema.history.internal.kafka.topic"]
        streams = lambda: any(row[0] == int(given["database.server.id"]) for row in replicas(database))  # noqa: E731
        until(lambda: connector.failure or streams(), "streaming")
        database.execute(after)
        found: list[Any] = []

        def come() -> bool:
            names = [
                each for each in topics(kafka.url, prefix) if each not in (prefix, history) and "offsets" not in each
            ]
            found[:] = read_committed(kafka.url, *names)
            return bool(connector.failure) or len(found) >= count

        until(come, f"{count} records")
        assert connector.failure == ""
    return [
        (
            each.topic.removeprefix(prefix)[1:].replace(database.name, "DB"),
            each.key and json.loads(each.key),
            each.value and json.loads(each.value),
        )
        for each in found
    ]


@contextmanager
def running(given):
    connector = InThread(given)
    connector.start()
    try:
        yield connector
    finally:
        connector.stop()


def replicas(database):
    version = database.execute("select version()")[0][0]
    return database.execute("show slave hosts" if "Maria" in version else "show replicas")


def rows(found, *columns: str) -> list[Any]:
    """Return the new rows, or some of their columns."""
    news = [value["after"] for _, _, value in found]
    return [{name: row[name] for name in columns or row} for row in news]


def test_hashes_are_those_of_java_and_fit_their_column(run):
    """The first version hashes the text as Java serialises it, with type and length before it."""
    serialized = b"\xac\xed\x00\x05\x74" + len(WORD).to_bytes(2, "big") + WORD.encode()
    first = hashlib.sha256(b"CzQMA0cB5K" + serialized).hexdigest()
    second = hashlib.sha256(b"salt" + WORD.encode()).hexdigest()
    assert first == "d540e71abf15be8b51c7967397ba359db27d6f6ae85a297fe8d0d7005ffd0e82"
    hashed = {
        "column_mask_hash_SHA-256_with_salt_CzQMA0cB5K": r"DB\.people\.(email|none)",
        "column_mask_hash_v2_SHA-256_with_salt_salt": r"DB\.people\.(short|free|n|bin|kind)",
    }
    found = run(f"{PEOPLE}; {SALLY.format(1)}", SALLY.format(2), 2, **hashed)
    short = hashlib.sha256(b"salt" + WORD[:10].encode()).hexdigest()[:10]
    kind = hashlib.sha256(b"saltbb").hexdigest()[:1]
    row = {"email": first, "short": short, "free": second, "n": 5, "bin": "AQIDBAU=", "kind": kind, "none": None}
    assert rows(found) == [{"id": 1, **row}, {"id": 2, **row}]


def test_what_is_published_as_text_is_hidden_whatever_it_is_in_the_database(run):
    found = run(
        "create table t (id int primary key, doc json, at timestamp null, sum decimal(5,2)); insert into t values (1, '{}', now(), 1)",
        "insert into t values (2, '[]', now(), 1)",
        2,
        decimal_handling_mode="string",
        column_mask_with_2_chars=r"DB\.t\.(doc|at|sum)",
    )
    assert rows(found) == [{"id": number, "doc": "**", "at": "**", "sum": "**"} for number in (1, 2)]


def test_a_mask_hides_text_and_null_and_a_truncation_cuts_text_and_bytes(run):
    hidden = {
        "column_mask_with_4_chars": r".*\.PEOPLE\.(email|none|kind|n)",
        "column_mask_with_0_chars": "DB.people.short",
        "column_truncate_to_3_chars": "DB.people.free,DB.people.bin",
    }
    found = run(f"{PEOPLE}; {SALLY.format(1)}", SALLY.format(2), 2, **hidden)
    row = {"email": "****", "short": "", "free": "sal", "n": 5, "bin": "AQID", "kind": "****", "none": "****"}
    assert rows(found) == [{"id": 1, **row}, {"id": 2, **row}]


def test_a_key_of_other_columns_has_them_in_their_order_and_a_change_of_one_is_another_key(run):
    found = run(
        "create table k (a int, b varchar(9), c int); insert into k values (1, 'x', 2)",
        "insert into k values (3, 'y', 4); update k set b = 'q' where a = 3; update k set c = 9 where a = 3",
        6,
        message_key_columns="(.*).k:b,a",
    )
    keys = [(list(key.items()), value and value["op"]) for _, key, value in found]
    moved = [([("b", "y"), ("a", 3)], "d"), ([("b", "y"), ("a", 3)], None), ([("b", "q"), ("a", 3)], "c")]
    assert keys == [([("b", "x"), ("a", 1)], "r"), ([("b", "y"), ("a", 3)], "c"), *moved, ([("b", "q"), ("a", 3)], "u")]


@pytest.mark.parametrize("chosen", [{"column_include_list": r"DB\.P\.(C|a)"}, {"column_exclude_list": "DB[.]p[.]b"}])
def test_an_excluded_column_of_the_key_is_in_the_key_as_it_is_defined(run, chosen):
    """Its regular expressions match whole names, in any case of letters."""
    found = run(
        "create table p (a int, b int, c int, primary key (b, a)); insert into p values (1, 2, 3)",
        "insert into p values (4, 5, 6)",
        2,
        key_converter_schemas_enable="true",
        **chosen,
    )
    assert [key["payload"] for _, key, _ in found] == [{"b": 2, "a": 1}, {"b": 5, "a": 4}]
    assert [[each["optional"] for each in key["schema"]["fields"]] for _, key, _ in found] == [[False, False]] * 2
    assert rows(found) == [{"a": 1, "c": 3}, {"a": 4, "c": 6}]


def test_tables_share_a_topic_and_their_keys_tell_them_apart(run):
    found = run(
        "create table dbz_4180_00 (id int primary key); create table keyless (id int); create table other (id int primary key)",
        "insert into dbz_4180_00 values (1); insert into keyless values (2); insert into other values (3)",
        3,
        topic_naming_strategy="io.debezium.schema.DefaultRegexTopicNamingStrategy",
        topic_regex="(.*)(dbz_4180|keyless)(.*)",
        topic_replacement="$1$2_all_shards",
        topic_key_field_name="shard",
        topic_key_field_regex="(.*)(dbz_4180)(.*)",
        topic_key_field_replacement="t$3",
    )
    keys = {topic: {**key, "shard": key["shard"].rpartition(".")[2]} for topic, key, _ in found}
    assert keys == {
        "DB.dbz_4180_all_shards": {"id": 1, "shard": "t_00"},
        "DB.keyless_all_shards": {"shard": "keyless"},
        "DB.other": {"id": 3, "shard": "other"},
    }


ODD = "create table `my-t.b` (id int primary key, `select` int, `a-b` int, `1a` int)"


@pytest.mark.parametrize(
    ("mode", "strategy", "topic", "schema", "fields"),
    [
        ("avro", "Default", "DB.my-t.b", "my_t.b", ["id", "select", "a_b", "_1a"]),
        ("avro_unicode", "Schema", "my-t.b", "my_u002dt.b", ["id", "select", "a_u002db", "_u0031a"]),
    ],
)
def test_names_are_made_fit_for_avro(run, mode, strategy, topic, schema, fields):
    ((found, _, value),) = run(
        ODD,
        "insert into `my-t.b` values (1, 2, 3, 4)",
        1,
        schema_name_adjustment_mode=mode,
        field_name_adjustment_mode=mode,
        topic_naming_strategy=f"io.debezium.schema.{strategy}TopicNamingStrategy",
        value_converter_schemas_enable="true",
    )
    assert (found, list(value["payload"]["after"])) == (topic, fields)
    assert value["schema"]["name"].endswith(f".{schema}.Envelope")


def test_operations_tables_and_updates_without_change_are_left_out(run):
    found = run(
        "create table t1 (id int primary key, v int, w int); create table t2 (id int primary key)",
        """insert into t1 values (1, 1, 1); update t1 set w = 2; update t1 set v = 3; insert into t2 values (1);
            delete from t1; truncate t1; insert into t1 values (9, 9, 9)""",
        4,
        table_include_list=r"DB\.T1",
        skipped_operations="d",
        skip_messages_without_change="true",
        column_exclude_list="DB.t1.w",
    )
    assert [(value["op"], value["after"]) for _, _, value in found] == [
        ("c", {"id": 1, "v": 1}),
        ("u", {"id": 1, "v": 3}),
        ("t", None),
        ("c", {"id": 9, "v": 9}),
    ]


@pytest.fixture(scope="module")
def terse():
    with MySqlServer(options={"binlog-row-metadata": "MINIMAL"}) as server:
        yield server.address


UNSEEN = [("drop w", "(2, 3)"), ("add x int", "(2, 3, 4, 5)"), ("modify v varchar(9)", "(2, 'x', 4)")]


@pytest.mark.parametrize(("change", "row"), UNSEEN)
@pytest.mark.parametrize("mode", ["fail", "warn", "skip"])
def test_rows_of_a_table_that_was_changed_unseen_go_by_their_mode(terse, kafka, caplog, mode, change, row):
    database = created(terse)
    before = "create table t (id int primary key, v int, w int); create table o (id int primary key)"
    after = f"set sql_log_bin = 0; alter table t {change}; set sql_log_bin = 1; insert into t values {row}; insert into o values (7)"
    with caplog.at_level(logging.WARNING):
        if mode == "fail":
            with pytest.raises(AssertionError, match="do not fit the definition that is known"):
                records(database, kafka, before, after, 1, inconsistent_schema_handling_mode=mode)
        else:
            found = records(database, kafka, before, after, 1, inconsistent_schema_handling_mode=mode)
            assert [(topic, value["after"]) for topic, _, value in found] == [("DB.o", {"id": 7})]
    assert ("are left out: rows in the binlog do not fit" in caplog.text) is (mode == "warn")
    dropped(database)
