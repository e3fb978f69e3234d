"""Where Debezium is wrong and not followed: what is right comes, in the snapshot as in the stream.

Each is a row of docs/reference/deviations.md, which names the tests of all of them.
"""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from cdc.config import ConverterSettings
from cdc.config.beside import BesideSettings
from cdc.config.columns import ColumnRules, Truncation
from cdc.config.filters import NameList
from cdc.config.settings import ConvertingFailure, DecimalMode, TimeMode
from cdc.converters.json import JsonConverter
from cdc.errors import ConversionError
from cdc.model.batch import ChangeBatch
from cdc.sources.postgres.source import PostgresLog
from tests.integration.postgres_log import settings
from tests.support.database import Database

#: The ids of rows that come by the stream: those of the snapshot and so much more.
AGAIN = 100


async def captured(database: Database, again: str = "", count: int = 1, **options: Any) -> list[ChangeBatch]:
    """Return the batches of the snapshot, and those with `count` rows that `again` writes once the stream runs."""
    log = PostgresLog(settings(database, **options))
    found: list[ChangeBatch] = []
    streamed = -1
    try:
        await log.start(None)
        async with asyncio.timeout(60):
            async for batch in log.batches():
                found.append(batch)
                if streamed >= 0:
                    streamed += len(batch)
                elif "snapshot" not in batch.position.offset() and batch.boundary and not len(batch):
                    database.execute(again or "select")
                    streamed = 0
                if streamed >= count or (streamed == 0 and not again):
                    return found
    finally:
        await log.stop()
    raise AssertionError("the stream has ended")


def records(batches: list[ChangeBatch], *, schemas: bool = False) -> list[tuple[Any, Any]]:
    """Return the keys and values as JSON, tombstones with None; each in an object with its schema, if `schemas`."""
    side = ConverterSettings(schemas_enable=schemas)
    converter = JsonConverter(side, side, (), b"placeholder")
    found: list[tuple[Any, Any]] = []
    for converted in map(converter.convert, batches):
        for at in range(len(converted)):
            _, key, value, _ = converted[at]
            found.append((json.loads(key or "null"), json.loads(value or "null")))
    return found


def payloads(batches: list[ChangeBatch], *, schemas: bool = False) -> list[Any]:
    """Return the values alone."""
    return [value for _, value in records(batches, schemas=schemas)]


def images(values: list[Any]) -> tuple[dict[int, Any], dict[int, Any]]:
    """Return the rows without their ids, by the ids of the snapshot: as the snapshot has them, and as the stream does."""
    shown: dict[str, dict[int, Any]] = {"r": {}, "c": {}}
    for value in values:
        row = dict(value["after"])
        shown[value["op"]][row.pop("id") % AGAIN] = row
    return shown["r"], shown["c"]


async def both_ways(database: Database, kind: str, *values: str, **options: Any) -> list[Any]:
    """Return values of a type as snapshot and stream alike show them; fails when they differ."""
    database.execute(f"create table item (id int primary key, v {kind})")
    rows = [f"({number}, {value})" for number, value in enumerate(values)]
    later = [f"({number + AGAIN}, {value})" for number, value in enumerate(values)]
    database.execute(f"insert into item values {', '.join(rows)}")
    batches = await captured(database, f"insert into item values {', '.join(later)}", len(values), **options)
    read, streamed = images(payloads(batches))
    assert read == streamed
    assert len(read) == len(values)
    return [row["v"] for _, row in sorted(read.items())]


class TestValues:
    @pytest.mark.parametrize("text", ["1200", "-99999900", "0", "150"])
    async def test_a_numeric_with_a_negative_scale_is_exact(self, database, text):
        database.execute("create table item (id int primary key, v numeric(6, -2) not null)")
        database.execute(f"insert into item values (1, {text})")
        ((stored,),) = database.execute("select v from item")
        values = payloads(await captured(database, "update item set id = 2", 3), schemas=True)
        for value in (values[0], values[-1]):
            (field,) = [each for each in value["schema"]["fields"][1]["fields"] if each["field"] == "v"]
            assert (field["name"], field["parameters"]["scale"]) == ("org.apache.kafka.connect.data.Decimal", "-2")
            unscaled = int.from_bytes(b64decode(value["payload"]["after"]["v"]), "big", signed=True)
            assert Decimal(unscaled) * 100 == stored

    async def test_a_numeric_with_a_negative_scale_is_a_plain_number_as_text(self, database):
        found = await both_ways(database, "numeric(6, -2)", "1234", "-150", "0", decimal_mode=DecimalMode.STRING)
        assert found == ["1200", "-200", "0"]

    async def test_the_type_name_is_text_and_never_null(self, database):
        assert await both_ways(database, "name", "'nm'", "''", "'näme'", "null") == ["nm", "", "näme", None]

    async def test_an_array_of_more_dimensions_is_for_the_policy_and_noted(self, database):
        database.execute(
            "create table item (id int primary key, v int[]); insert into item values (1, '{{1,2},{3,4}}')"
        )
        batches = await captured(database, "insert into item values (101, '{{1,2},{3,4}}')")
        assert images(payloads(batches)) == ({1: {"v": None}}, {1: {"v": None}})
        problems = [problem for batch in batches for problem in batch.problems]
        assert [(each.table, each.column, each.value) for each in problems] == [
            ("public.item", "v", "{{1,2},{3,4}}")
        ] * 2
        assert "more than one dimension" in problems[0].reason

    @pytest.mark.parametrize("mode", [TimeMode.ADAPTIVE, TimeMode.CONNECT, TimeMode.MICROSECONDS])
    async def test_a_date_is_its_days_since_1970_in_the_one_calendar_that_the_server_has(self, database, mode):
        texts = ["0044-03-15 BC", "1582-10-10", "4713-01-01 BC", "0001-01-01", "5874897-12-31"]
        found = await both_ways(database, "date", *(f"'{text}'" for text in texts), time_mode=mode)
        counted = database.execute("select v - date '1970-01-01' from item where id < 100 order by id")
        assert found == [days for (days,) in counted]
        assert found[3] == (date(1, 1, 1) - date(1970, 1, 1)).days

    @pytest.mark.parametrize("mode", [TimeMode.ADAPTIVE, TimeMode.CONNECT, TimeMode.MICROSECONDS])
    async def test_a_date_at_infinity_is_the_one_that_debeziums_stream_shows(self, database, mode):
        found = await both_ways(database, "date", "'infinity'", "'-infinity'", time_mode=mode)
        assert found == [2_146_033_979, -2_147_472_691]

    async def test_the_year_of_a_structured_date_is_that_of_iso_8601(self, database):
        """There the year 0 is 1 BC (ISO 8601-1:2019, 4.3.2); infinities are no date, and are said."""
        texts = ["0044-03-15 BC", "1582-10-10", "4713-01-01 BC", "infinity"]
        found = await both_ways(database, "date", *(f"'{text}'" for text in texts), time_mode=TimeMode.STRUCTURED)
        assert [(each["year"], each["month"], each["day"], each["specialValue"]) for each in found] == [
            (-43, 3, 15, None),
            (1582, 10, 10, None),
            (-4712, 1, 1, None),
            (None, None, None, "POSITIVE_INFINITY"),
        ]

    async def test_the_end_of_a_day_is_no_time_beyond_it(self, database):
        found = await both_ways(database, "time", "'24:00'", "'23:59:59.999'", time_mode=TimeMode.CONNECT)
        assert found == [86_400_000, 86_399_999]

    async def test_cut_text_ends_before_a_character_that_has_two_units_of_utf_16(self, database):
        rules = ColumnRules(changes=((NameList.parse(r"public\.item\.v"), Truncation(3)),))
        found = await both_ways(database, "text", "'ab😀c'", "'a😀c'", "'😀😀'", "'abcd'", columns=rules)
        assert found == ["ab", "a😀", "😀", "abc"]


UNCARRIED = [
    pytest.param("numeric(6, 2)", "'NaN'", {"decimal_mode": DecimalMode.PRECISE}, id="NaN under precise"),
    pytest.param("time", "'24:00'", {"time_mode": TimeMode.STRUCTURED}, id="an hour that is no StructuredTime's"),
    pytest.param("timestamp", "'2300-01-01'", {"time_mode": TimeMode.NANOSECONDS}, id="out of range of nanoseconds"),
]


@pytest.mark.parametrize(("kind", "value", "options"), UNCARRIED)
class TestValuesThatCannotBeCarried:
    async def test_warn_makes_them_null_and_notes_each(self, database, kind, value, options):
        batches = await self.read(database, kind, value, options, ConvertingFailure.WARN)
        assert images(payloads(batches)) == ({1: {"v": None}}, {1: {"v": None}})
        assert [problem.column for batch in batches for problem in batch.problems] == ["v", "v"]

    async def test_skip_makes_them_null_in_silence(self, database, kind, value, options):
        batches = await self.read(database, kind, value, options, ConvertingFailure.SKIP)
        assert images(payloads(batches)) == ({1: {"v": None}}, {1: {"v": None}})
        assert not any(batch.problems for batch in batches)

    @pytest.mark.parametrize("in_snapshot", [True, False])
    async def test_fail_ends_the_connector_and_names_the_column(self, database, kind, value, options, in_snapshot):
        with pytest.raises(ConversionError, match=r"public\.item\.v: ") as caught:
            await self.read(database, kind, value, options, ConvertingFailure.FAIL, in_snapshot=in_snapshot)
        assert caught.value.remedy

    async def read(
        self,
        database: Database,
        kind: str,
        value: str,
        options: Any,
        mode: ConvertingFailure,
        *,
        in_snapshot: bool = True,
    ) -> list[ChangeBatch]:
        database.execute(f"create table item (id int primary key, v {kind})")
        if in_snapshot:
            database.execute(f"insert into item values (1, {value})")
        again = f"insert into item values (101, {value})"
        return await captured(database, again, converting_failure=mode, **options)


class TestKeys:
    async def test_by_an_identity_index_the_key_is_what_the_image_carries(self, database):
        database.execute("create table item (id int primary key, code text not null unique, name text)")
        database.execute(
            "alter table item replica identity using index item_code_key; insert into item values (1, 'a', 'x')"
        )
        again = "update item set name = 'y'; update item set code = 'b'; delete from item"
        batches = await captured(database, again, 6)
        found = records(batches)
        assert [(value and value["op"], key["code"]) for key, value in found] == [
            ("r", "a"),
            ("u", "a"),
            ("d", "a"),
            (None, "a"),
            ("c", "b"),
            ("d", "b"),
            (None, "b"),
        ]
        assert {len(key) for key, _ in found} == {1}, "no column that the image lacks"

    async def test_each_row_has_the_key_and_the_columns_of_its_time_however_close_the_ddl(self, database):
        database.execute("create table item (id int primary key, code int not null); insert into item values (1, 10)")
        again = (
            "insert into item values (2, 20); alter table item drop constraint item_pkey, add primary key (code);"
            "insert into item values (3, 30); alter table item drop column id; insert into item values (40)"
        )
        found = records(await captured(database, again, 3), schemas=True)
        assert [key["payload"] for key, _ in found] == [{"id": 1}, {"id": 2}, {"code": 30}, {"code": 40}]
        rows = [{"id": 1, "code": 10}, {"id": 2, "code": 20}, {"id": 3, "code": 30}, {"code": 40}]
        assert [value["payload"]["after"] for _, value in found] == rows
        for key, _ in found:
            assert [field["optional"] for field in key["schema"]["fields"]] == [False]


async def test_logical_messages_are_counted_under_their_topic(database):
    database.execute("create table item (id int primary key)")
    again = "begin; insert into item values (1); select pg_logical_emit_message(true, 'a', 'x'); commit"
    batches = await captured(database, again, beside=BesideSettings(transactions=True))
    (end,) = [
        aside.record.value
        for batch in batches
        for aside in batch.asides
        if isinstance(aside.record.value, dict) and aside.record.value.get("status") == "END"
    ]
    counts = {each["data_collection"]: each["event_count"] for each in end["data_collections"]}
    assert counts == {"public.item": 1, "p.message": 1}


async def test_the_snapshot_honours_column_list_and_row_filter_of_the_publication_as_the_stream_does(database):
    database.execute("create table item (id int primary key, secret text, name text)")
    database.execute("insert into item values (1, 's', 'a'), (-1, 's', 'b')")
    database.execute(f"create publication {database.name} for table item (id, name) where (id > 0)")
    batches = await captured(database, "insert into item values (-102, 's', 'c'), (101, 's', 'a')")
    assert images(payloads(batches)) == ({1: {"name": "a"}}, {1: {"name": "a"}})


@pytest.mark.parametrize(("via_root", "under"), [(False, "low"), (True, "parted")])
async def test_a_row_of_a_partition_comes_once_under_the_name_that_the_stream_has_for_it(database, via_root, under):
    database.execute("create table parted (id int primary key) partition by range (id)")
    database.execute(
        "create table low partition of parted for values from (0) to (1000); insert into parted values (1)"
    )
    batches = await captured(database, "insert into parted values (101)", publish_via_root=via_root)
    told = [(value["op"], value["source"]["table"], value["after"]["id"]) for value in payloads(batches)]
    assert told == [("r", under, 1), ("c", under, 101)]
