"""Debezium's own cases of values, in Kafka and from both servers: a row of the snapshot and one of the stream are the same, and what Debezium shows.

Golden cases show most of them for MySQL; these show them for MariaDB too, and those modes that no golden case has.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.connector import InThread, until
from tests.support.kafka_reader import read_committed
from tests.support.mysql_connector import mysql_properties
from tests.support.mysql_database import MySqlDatabase

END = "create table the_end (id int)"


@dataclass(frozen=True)
class Table:
    """Columns, one row as it is inserted, and as it is published."""

    columns: str
    values: str
    row: Mapping[str, Any]
    types: Mapping[str, str] = field(default_factory=dict)


def base64_of(data: str) -> str:
    return base64.b64encode(bytes.fromhex(data)).decode()


TEMPORAL = "t time(2), d date, dt datetime(2), ts timestamp(2) null"
MOMENTS = "'17:51:04.77', '2014-09-08', '2014-09-08 17:51:04.77', '2014-09-08 17:51:04.77'"
ZONED = "2014-09-08T17:51:04.77Z"
BINARY = "b binary(16), v varbinary(9)"
BYTES = "x'651aed08390f4893b2f136923e7b74', x'fbffbf'"

DEFAULTS = {
    "positive": Table(
        "a tinyint unsigned, b smallint unsigned zerofill, c mediumint unsigned, d int unsigned zerofill, e bigint unsigned",
        "255, 65535, 16777215, 4294967295, 18446744073709551615",
        {"a": 255, "b": 65535, "c": 16777215, "d": 4294967295, "e": -1},
        {"a": "int16", "b": "int32", "c": "int32", "d": "int64", "e": "int64"},
    ),
    "small": Table(
        "a tinyint, b tinyint(1), c boolean",
        "-128, -1, true",
        {"a": -128, "b": -1, "c": 1},
        {"a": "int16", "b": "int16", "c": "int16"},
    ),
    "floats": Table(
        "a float, b float(10,2), c float(24), d float(25)",
        "5.6, 5.5, 64.1, 64.1",
        {"a": 5.6, "b": 5.5, "c": 64.1, "d": 64.1},
        {"a": "float", "b": "double", "c": "float", "d": "double"},
    ),
    "bits": Table(
        "a bit, b bit(2), c bit(64)",
        "1, 2, 23989979",
        {"a": True, "b": base64_of("02"), "c": base64_of("db0e6e0100000000")},
        {"a": "boolean", "b": "bytes", "c": "bytes"},
    ),
    "labels": Table(
        r"a enum('x,y', 'c\\d', 'e'), b set('a', 'b', 'c')", "'x,y', 'b,a'", {"a": "x,y", "b": "a,b"}, {"a": "string"}
    ),
    "spans": Table(
        "a time(2), b time, c time(3), d time(6), e time",
        "'517:51:04.77', '-13:14:50', '-733:00:00.001', '-838:59:58.999999', '-00:20:38'",
        {"a": 1864264770000, "b": -47690000000, "c": -2638800001000, "d": -3020398999999, "e": -1238000000},
    ),
    "no_dates": Table(
        "a date, b datetime, c date not null, d datetime not null, e timestamp not null default '0000-00-00 00:00:00'",
        "0, 0, 0, 0, 0",
        {"a": None, "b": None, "c": 0, "d": 0, "e": "1970-01-01T00:00:00Z"},
    ),
    "years": Table(
        "a year, b year, c date, d date",
        "18, '0018', '0018-04-01', '70-01-01'",
        {"a": 2018, "b": 2018, "c": 17622, "d": 0},
    ),
    "points": Table(
        "p point, l linestring",
        "point(1, 1), st_geomfromtext('LINESTRING(0 0,1 1)')",
        {
            "p": {"x": 1.0, "y": 1.0, "wkb": base64_of("0101000000" + "000000000000f03f" * 2), "srid": None},
            "l": {"wkb": base64_of("010200000002000000" + "0" * 32 + "000000000000f03f" * 2), "srid": None},
        },
    ),
    "computed": Table(
        "a int, b int as (a + 15) virtual, c int as (a * 3) stored", "15, default, default", {"a": 15, "b": 30, "c": 45}
    ),
    "bin": Table(BINARY, BYTES, {"b": base64_of("651aed08390f4893b2f136923e7b7400"), "v": base64_of("fbffbf")}),
    "moments": Table(TEMPORAL, MOMENTS, {"t": 64264770000, "d": 16321, "dt": 1410198664770, "ts": ZONED}),
}


def moments(t: Any, d: Any, dt: Any) -> dict[str, Table]:
    return {"moments": Table(TEMPORAL, MOMENTS, {"t": t, "d": d, "dt": dt, "ts": ZONED})}


def exact(a: Any, b: Any) -> dict[str, Table]:
    return {"exact": Table("a decimal, b decimal(8,4)", "234.5, 123.4567", {"a": a, "b": b})}


def binary(b: str, v: str) -> dict[str, Table]:
    return {"bin": Table(BINARY, BYTES, {"b": b, "v": v})}


CASES: dict[str, tuple[dict[str, str], dict[str, Table]]] = {
    "defaults": ({}, DEFAULTS),
    "precise_unsigned": (
        {"bigint_unsigned_handling_mode": "precise", "value_converter_decimal_format": "NUMERIC"},
        {"wide": Table("a bigint unsigned", "18446744073709551615", {"a": 18446744073709551615}, {"a": "bytes"})},
    ),
    "decimal_double": ({"decimal_handling_mode": "double"}, exact(235.0, 123.4567)),
    "decimal_string": ({"decimal_handling_mode": "string"}, exact("235", "123.4567")),
    "hex": ({"binary_handling_mode": "hex"}, binary("651aed08390f4893b2f136923e7b7400", "fbffbf")),
    "base64": ({"binary_handling_mode": "base64"}, binary("ZRrtCDkPSJOy8TaSPnt0AA==", "+/+/")),
    "base64-url-safe": ({"binary_handling_mode": "base64-url-safe"}, binary("ZRrtCDkPSJOy8TaSPnt0AA==", "-_-_")),
    "connect": ({"time_precision_mode": "connect"}, moments(64264770, 16321, 1410198664770)),
    "microseconds": ({"time_precision_mode": "microseconds"}, moments(64264770000, 16321, 1410198664770000)),
    "nanoseconds": ({"time_precision_mode": "nanoseconds"}, moments(64264770000000, 16321, 1410198664770000000)),
    "isostring": ({"time_precision_mode": "isostring"}, moments("17:51:04.77Z", "2014-09-08Z", ZONED)),
    "years_as_written": (
        {"enable_time_adjuster": "false"},
        {"years": Table("a year, c date", "18, '0018-04-01'", {"a": 2018, "c": -712863})},
    ),
}


@pytest.fixture(params=["mysql_database", "mariadb_database"])
def database(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("name", CASES)
def test_a_row_is_published_the_same_by_snapshot_and_stream(database, kafka, name):
    properties, tables = CASES[name]
    created = (f"create table {each} (id int primary key, {table.columns})" for each, table in tables.items())
    write(database, "; ".join((*created, END, *inserts(tables, 1))))
    own = {"offset_storage_topic": f"{database.name}.offsets", "value_converter_schemas_enable": "true"}
    given = mysql_properties(database, kafka.url, database.name, **own, **properties)
    found = published(database, kafka.url, given, tables)
    for each, table in tables.items():
        assert [payload["after"] for payload, _ in found[each]] == [{"id": n, **table.row} for n in (1, 2)], each
        assert [payload["op"] for payload, _ in found[each]] == ["r", "c"]
        types = {column["field"]: column["type"] for column in found[each][0][1]}
        assert {column: types[column] for column in table.types} == table.types
    if "labels" in found:
        allowed = {column["field"]: column.get("parameters", {}).get("allowed") for column in found["labels"][0][1]}
        assert (allowed["a"], allowed["b"]) == (r"x\,y,c\\d,e", "a,b,c"), (
            "a comma in a label is told from one between labels"
        )


def inserts(tables: Mapping[str, Table], number: int) -> list[str]:
    return [f"insert into {each} values ({number}, {table.values})" for each, table in tables.items()]


def write(database: MySqlDatabase, statements: str) -> None:
    """Run statements of which the server lets pass what it can, such as dates that are none."""
    database.execute(f"set sql_mode = ''; {statements}")


def published(
    database: MySqlDatabase, servers: str, given: dict[str, str], tables: Mapping[str, Table]
) -> dict[str, list[tuple[Any, Any]]]:
    """Return payload and fields of the records of each table, of the snapshot and of rows that are written behind it."""

    def records(table: str) -> list[Any]:
        return [
            json.loads(each.value or b"")
            for each in read_committed(servers, f"{given['topic.prefix']}.{database.name}.{table}")
        ]

    connector = InThread(given)
    connector.start()
    try:
        first, last = next(iter(tables)), "the_end"
        until(lambda: connector.failure or records(first), "the snapshot")
        write(database, "; ".join((*inserts(tables, 2), "insert into the_end values (1)")))
        until(lambda: connector.failure or records(last), "the stream")
    finally:
        connector.stop()
    assert connector.failure == ""
    return {
        table: [(each["payload"], each["schema"]["fields"][1]["fields"]) for each in records(table)] for table in tables
    }
