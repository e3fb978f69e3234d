"""The records about statements, and of the history, against those that Debezium wrote for the same statements."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cdc.history.records import HistoryRecord
from cdc.sources.mysql.ddl.definitions import CharsetChoice, Definitions
from cdc.sources.mysql.ddl.sql_tokens import SqlMode
from cdc.sources.mysql.ddl.statements import DdlOutcome, DdlSession, StatementKind, apply_ddl
from cdc.sources.mysql.ddl.table_json import restored_change, stored_change
from cdc.sources.mysql.history.recovery import history_record, replayed
from cdc.sources.mysql.history.schema_changes import KEY, VALUE, ChangeOrigin, SchemaChanges

GOLDEN = Path(__file__).parents[3] / "golden" / "mysql"
THE_TYPES = "CREATE TABLE dt ("
#: CHAR BYTE, CHAR ASCII and CHAR UNICODE have not the charset that Debezium's stream, unlike its snapshot, shows.
OTHER_CHARSETS = ("cb", "ch", "cu")
#: Their records tell of a part of a statement, which names the tables of the others, or of one without its default database (test_told.py).
IN_PARTS = {"schema_history_stream", "table_renames", "ddl_drop_rename", "ddl_dump"}
WITH_COMMENTS = {"schema_comments", "propagate_comments"}
CASES = sorted({path.name for path in GOLDEN.iterdir() if (path / "expected.jsonl").exists()} - IN_PARTS)
NORMALISED = ("version", "ts_ms", "ts_us", "ts_ns", "server_id", "gtid", "file", "pos")


def golden(case):
    """Return the schema change records of a case."""
    lines = (GOLDEN / case / "expected.jsonl").read_text().splitlines()
    found = [json.loads(line) for line in lines]
    return [each for each in found if each["topic"] == f"my_{case}"]


def outcome_of(definitions, ddl, database):
    if ddl.startswith("USE "):  # the snapshot alone tells of it
        return DdlOutcome(definitions, StatementKind.DATABASE, database)
    return apply_ddl(definitions, ddl, DdlSession(database=database))


def fields(schema):
    """Return a schema as Connect's JSON has it."""
    found = {"type": schema.type.value, "optional": schema.optional}
    found |= {"name": schema.name, "version": schema.version} if schema.name else {}
    found |= {"default": schema.default} if schema.default is not None else {}
    found |= {"parameters": dict(schema.parameters)} if schema.parameters else {}
    if schema.fields:
        found["fields"] = [{**fields(field.schema), "field": field.name} for field in schema.fields]
    if schema.items:
        found["items"] = fields(schema.items)
    return found


def comparable(value):
    """Return the value of a record without the columns that are told otherwise on purpose."""
    if not value["ddl"].startswith(THE_TYPES):
        return value
    (change,) = value["tableChanges"]
    columns = [column for column in change["table"]["columns"] if column["name"] not in OTHER_CHARSETS]
    assert len(columns) == 18
    return {**value, "tableChanges": [{**change, "table": {**change["table"], "columns": columns}}]}


@pytest.mark.parametrize("case", CASES)
def test_a_statement_is_told_as_debezium_tells_it(case):
    definitions = Definitions()
    changes = SchemaChanges(f"my_{case}", {"server": f"my_{case}"}, comments=case in WITH_COMMENTS)
    told = 0
    for expected in golden(case):
        payload = expected["value"]["payload"]
        snapshot, row = payload["source"]["snapshot"], payload["source"]["row"]
        gtid = "g" if snapshot == "false" else None
        thread = payload["source"]["thread"]
        origin = ChangeOrigin(
            at_us=1, server_id=1, file="f", position=4, gtid=gtid, row=row, thread=thread, snapshot=snapshot
        )
        outcome = outcome_of(definitions, payload["ddl"], payload["databaseName"])
        definitions = outcome.definitions
        record = changes.record(payload["ddl"], outcome, origin, 1000, {})
        assert record is not None
        assert isinstance(record.value, dict)
        assert record.topic == expected["topic"]
        assert record.key == expected["key"]["payload"]
        assert isinstance(record.value, dict)
        value = {**record.value, "ts_ms": "<TS>"}
        source = {name: v for name, v in value.pop("source").items() if name not in NORMALISED}
        assert source == {name: v for name, v in payload.pop("source").items() if name not in NORMALISED}
        assert comparable(value) == comparable(payload)
        told += 1
    assert told


def test_the_schemas_are_debeziums():
    expected = golden("schema_change")[0]
    assert fields(KEY) == expected["key"]["schema"]
    assert fields(VALUE) == expected["value"]["schema"]


def test_types_mean_the_same_in_streamed_ddl_as_in_a_snapshot():
    [ddl] = [
        r["value"]["payload"]["ddl"] for r in golden("ddl_types_stream") if THE_TYPES in r["value"]["payload"]["ddl"]
    ]
    [change] = outcome_of(Definitions(), ddl, "golden").changes
    types = {column.name: (column.type, column.length, column.charset) for column in change.table.columns}
    # As SHOW CREATE TABLE of MySQL 9.7 prints the table.
    assert types == {
        "id": ("BIGINT UNSIGNED", None, None),
        "b1": ("TINYINT", 1, None),
        "t1": ("TINYINT UNSIGNED", None, None),
        "i": ("INT", None, None),
        "dp": ("DOUBLE", None, None),
        "de": ("DECIMAL", 5, None),
        "fx": ("DECIMAL", 6, None),
        "nc": ("CHAR", 5, "utf8mb3"),
        "nv": ("VARCHAR", 5, "utf8mb3"),
        "na": ("VARCHAR", 7, "utf8mb3"),
        "cb": ("BINARY", 1, None),
        "lv": ("MEDIUMTEXT", None, "utf8mb4"),
        "lvb": ("MEDIUMBLOB", None, None),
        "ch": ("CHAR", 3, "latin1"),
        "cu": ("CHAR", 3, "ucs2"),
        "x": ("BIT", 1, None),
        "yr": ("YEAR", None, None),
        "ts": ("TIMESTAMP", None, None),
        "g": ("GEOMETRY", None, None),
        "j": ("JSON", None, None),
        "s": ("SET", 3, "utf8mb4"),
    }


def test_the_history_is_written_as_debezium_writes_it():
    lines = (GOLDEN / "schema_history_captured_only" / "expected.jsonl").read_text().splitlines()
    found = [json.loads(line) for line in lines]
    expected = [each["value"] for each in found if each["topic"].startswith("hist.")]
    definitions, written = Definitions(), []
    for value in expected:
        session = DdlSession(database=value["databaseName"])
        outcome = apply_ddl(definitions, value["ddl"], session)
        definitions = outcome.definitions
        record = history_record(
            value["ddl"], session, outcome, source=value["source"], offset=value["position"], ts_ms=5
        )
        written.append({**json.loads(record.encode()), "ts_ms": "<VOLATILE>"})
    assert written == expected
    assert [table.id.table for table in definitions] == ["a"]


@pytest.mark.parametrize("case", ["types_defaults", "types_charsets", "types_bit_enum_set", "types_int", "key_types"])
def test_definitions_come_back_from_the_changes_of_a_history(case):
    definitions = Definitions()
    for expected in golden(case):
        payload = expected["value"]["payload"]
        outcome = outcome_of(definitions, payload["ddl"], payload["databaseName"])
        definitions = outcome.definitions
        for change in outcome.changes:
            stored = json.loads(json.dumps(stored_change(change, comments=True)))
            restored = restored_change(stored)
            assert stored_change(restored, comments=True) == stored


@pytest.mark.parametrize(
    ("declared", "type_", "length", "scale", "charset"),
    [
        ("BOOLEAN", "TINYINT", 1, None, None),
        ("INTEGER(11)", "INT", None, None, None),
        ("INT8 UNSIGNED", "BIGINT UNSIGNED", None, None, None),
        ("DOUBLE PRECISION UNSIGNED", "DOUBLE UNSIGNED", None, None, None),
        ("DEC(5,2) ZEROFILL", "DECIMAL UNSIGNED ZEROFILL", 5, 2, None),
        ("FLOAT(30)", "DOUBLE", None, None, None),
        ("NATIONAL VARCHAR(7)", "VARCHAR", 7, None, "utf8mb3"),
        ("NCHAR(5)", "CHAR", 5, None, "utf8mb3"),
        ("CHARACTER VARYING(9)", "VARCHAR", 9, None, "utf8mb4"),
        ("LONG VARBINARY", "MEDIUMBLOB", None, None, None),
        ("LONG VARCHAR", "MEDIUMTEXT", None, None, "utf8mb4"),
    ],
)
def test_a_type_of_a_history_means_what_its_statement_meant(declared, type_, length, scale, charset):
    statement = f"CREATE TABLE a (c {declared}) CHARSET utf8mb4"
    (change,) = apply_ddl(Definitions(), statement, DdlSession(database="d")).changes
    restored = restored_change(json.loads(json.dumps(stored_change(change, comments=True)))).table
    assert change.table is not None
    assert restored is not None
    (column,) = restored.columns
    assert (column.type, column.length, column.scale, column.charset) == (type_, length, scale, charset)
    assert column.type == change.table.columns[0].type


def test_changes_stand_in_for_a_statement_that_is_not_understood():
    known = apply_ddl(Definitions(), "CREATE TABLE a (id int PRIMARY KEY, v text)", DdlSession(database="d"))
    record = history_record(
        "ALTER TABLE a FROBNICATE", DdlSession(database="d"), known, source={"server": "s"}, offset={}, ts_ms=1
    )
    found = replayed(Definitions(), record).get("d", "a")
    assert found is not None
    assert [column.name for column in found.columns] == ["id", "v"]
    assert found.primary_key == ("id",)


@pytest.mark.parametrize(
    ("statement", "database"),
    [
        ("CREATE TABLE shop.b (id int)", "shop"),
        ("CREATE TABLE b (id int)", "d"),
        ("CREATE TABLE shop.b LIKE a", "d"),
        ("RENAME TABLE a TO shop.a", "d"),
        ("DROP TABLE shop.b", "shop"),
    ],
)
def test_a_statement_is_recorded_under_its_table_s_database_unless_a_name_in_it_is_the_session_s(statement, database):
    session = DdlSession(database="d")
    before = apply_ddl(Definitions(), "CREATE TABLE a (id int)", session).definitions
    outcome = apply_ddl(before, statement, session)
    record = history_record(statement, session, outcome, source={"server": "s"}, offset={}, ts_ms=1)
    assert record.database == database
    assert replayed(before, record).tables == outcome.definitions.tables


@pytest.mark.parametrize(
    ("statement", "charset", "stored"),
    [
        ("CREATE DATABASE x", "latin1", {"server_charset": "latin1", "server_collation": None}),
        ("CREATE DATABASE x", "utf8mb4", {}),
        ("CREATE TABLE d.t (id int)", "latin1", {}),
    ],
)
def test_the_charset_of_a_session_is_stored_only_where_a_database_inherits_another_than_the_server_s(
    statement, charset, stored
):
    session = DdlSession(database="d", server=CharsetChoice(charset))
    outcome = apply_ddl(Definitions(), statement, session)
    record = history_record(statement, session, outcome, source={"server": "s"}, offset={}, ts_ms=1)
    assert record.session == stored
    assert replayed(Definitions(), record).databases == outcome.definitions.databases


def test_a_renamed_table_has_its_name_before_in_the_history_alone():
    session = DdlSession(database='q"d')
    before = apply_ddl(Definitions(), "CREATE TABLE a (id int)", session).definitions
    (change,) = apply_ddl(before, 'RENAME TABLE a TO `b""`', session).changes
    (altered,) = apply_ddl(before, "ALTER TABLE a RENAME TO b", session).changes
    assert "previousId" not in stored_change(altered, comments=True)
    stored = stored_change(change, comments=True)
    assert (stored["id"], stored["previousId"]) == ('"q""d"."b"""""', '"q""d"."a"')
    restored = restored_change(stored)
    assert (restored.id, restored.previous) == (change.id, change.previous)


def test_a_generated_column_that_takes_null_has_a_default_in_the_history():
    statement = "CREATE TABLE a (id int NOT NULL, v int AS (id) VIRTUAL, s int AS (id) STORED NOT NULL)"
    (change,) = apply_ddl(Definitions(), statement, DdlSession(database="d")).changes
    columns = stored_change(change, comments=True)["table"]["columns"]
    assert [each["hasDefaultValue"] for each in columns] == [False, True, False]


def test_the_session_of_a_statement_is_stored_with_it():
    session = DdlSession(
        database="d", mode=SqlMode(ansi_quotes=True), server=CharsetChoice("latin1"), explicit_timestamps=False
    )
    statement = 'CREATE TABLE "t" ("id" int, "at" timestamp)'
    outcome = apply_ddl(Definitions(), statement, session)
    record = history_record(statement, session, outcome, source={"server": "s"}, offset={}, ts_ms=1)
    again = HistoryRecord.decode(record.encode(), "a test")
    assert replayed(Definitions(), replace(again, table_changes=())).tables == outcome.definitions.tables


@pytest.mark.parametrize(
    ("declared", "jdbc"), [("FLOAT(30)", 6), ("FLOAT", 6), ("REAL", 7), ("FLOAT8", 8), ("DOUBLE", 8)]
)
def test_a_float_is_told_by_its_word_whatever_the_server_makes_of_it(declared, jdbc):
    (change,) = apply_ddl(Definitions(), f"CREATE TABLE a (c {declared})", DdlSession(database="d")).changes
    assert stored_change(change, comments=True)["table"]["columns"][0]["jdbcType"] == jdbc
