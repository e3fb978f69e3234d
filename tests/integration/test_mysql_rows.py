"""Rows of real servers: the binlog, a SELECT and the server's own words tell the same."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal

import pytest

from cdc.config.mysql_settings import UnsignedMode
from cdc.config.settings import BinaryMode, DecimalMode, TimeMode
from cdc.errors import DecodeError
from cdc.model.batch import ChangeBatch
from cdc.model.event import ABSENT
from cdc.sources.mysql.binlog.table_map import parse_table_map
from cdc.sources.mysql.schema.handling import ValueHandling
from cdc.sources.mysql.schema.row_metadata import definition_of, disagreement
from cdc.sources.mysql.schema.source_info import SourceInfo
from cdc.sources.mysql.stream.rows import RowsDecoder
from tests.support import binlog, mysql_rows
from tests.support.mysql_database import MySqlDatabase
from tests.support.mysql_rows import Change, changes, selected, streamed

#: Columns of every type that both servers have.
COLUMNS = """
    id int primary key, ti tinyint, tu tinyint unsigned, si smallint, su smallint unsigned, mi mediumint, mu mediumint unsigned,
    i int, iu int unsigned zerofill, b bigint, bu bigint unsigned, f float, fm float(7,2), d double, dm double(8,3), n decimal(10,2), big decimal(65,30),
    frac decimal(5,5), whole decimal(9,0), bit1 bit(1), bit12 bit(12), y year, da date, t0 time, t3 time(3), t5 time(5), t6 time(6),
    dt datetime, dt1 datetime(1), dt4 datetime(4), dt6 datetime(6), ts timestamp null, ts2 timestamp(2) null, ts6 timestamp(6) null,
    c char(10), cl char(200) character set utf8mb4, v varchar(20), vl varchar(2000) character set latin1, v16 varchar(10) character set utf16,
    vs varchar(10) character set sjis, t text, tt tinytext character set koi8r, lt longtext, e enum('a','b','c d','ü'), s set('r','g','b','x y'),
    bi binary(4), vb varbinary(300), bl blob, tb tinyblob, mb mediumblob, p point, g geometry, gc geometrycollection,
    ge int generated always as (i + 1) stored, gv int generated always as (i + 2) virtual
"""
VALUES = [
    """1, -128, 0, -32768, 0, -8388608, 0, -2147483648 + 10, 0, -9223372036854775808, 0, -3.402823466e38, -99999.99, -1.7976931348623157e308,
    -99999.999, -0.01, -0.000000000000000000000000000001, -0.00001, -999999999, 0, 0, 0, '0000-00-00', '-838:59:59', '-00:00:00.001',
    '-00:00:00.00001', '-838:59:58.999999', '0000-00-00 00:00:00', '0000-00-00', '1000-01-01 00:00:00.0001', '9999-12-31 23:59:59.999999',
    '0000-00-00 00:00:00', '1970-01-01 00:00:01.01', '2038-01-19 03:14:07.499999', '', '', '', '', '', '', '', '', '', 'nope', '',
    '', '', '', '', '', ST_GeomFromText('POINT(1.5 -2.25)'), ST_GeomFromText('LINESTRING(0 0,1 1)', 4326), ST_GeomFromText('GEOMETRYCOLLECTION EMPTY')""",
    """2, 127, 255, 32767, 65535, 8388607, 16777215, 2147483640, 4294967295, 9223372036854775807, 18446744073709551615, 1.175494351e-38,
    0.1, 2.2250738585072014e-308, 1.555, 12345678.90, 12345678901234567890123456789012345.123456789012345678901234567890, 0.99999, 999999999,
    1, b'101010101010', 2155, '9999-12-31', '838:59:59', '12:34:56.789', '100:00:00.00001', '23:59:59.999999', '2024-02-29 12:34:56',
    '2024-02-29 12:34:56.7', '1999-12-31 23:59:59.9999', '0099-01-01 00:00:00', '2024-03-31 02:30:00', '2001-09-09 01:46:40.25',
    '1970-01-01 00:00:00.000001', 'abc', repeat('ü', 200), 'naïve', repeat('é', 2000), 'é😀', 'ソ表', 'text', 'Привет', repeat('x', 70000),
    'ü', 'x y,r', X'61000000', repeat('z', 300), X'00ff00', X'00', 'm', ST_GeomFromText('POINT(10 20)', 4326),
    ST_GeomFromText('POLYGON((0 0,4 0,4 3,0 0))'), ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))')""",
    "3" + ", null" * 52,
]
MODES = [
    ValueHandling(),
    *(ValueHandling(time=mode) for mode in (TimeMode.MICROSECONDS, TimeMode.STRUCTURED)),
    ValueHandling(decimal=DecimalMode.DOUBLE, binary=BinaryMode.HEX, adjusts_years=False),
    ValueHandling(decimal=DecimalMode.STRING, binary=BinaryMode.BASE64, unsigned=UnsignedMode.PRECISE),
]
#: Modes that do not carry all of these values.
NARROW = [ValueHandling(time=mode) for mode in (TimeMode.CONNECT, TimeMode.ISOSTRING, TimeMode.NANOSECONDS)]


def fill(database: MySqlDatabase) -> None:
    """Make a table with values at the ends of every type, and such as only `sql_mode=''` takes."""
    database.execute(f"create table rows_ ({COLUMNS})")
    for values in VALUES:
        database.execute(f"set sql_mode = ''; insert into rows_ values ({values}, default, default)")


def inserted(found: list[Change]) -> list[dict[str, object]]:
    assert {change.op for change in found} == {"c"}
    return [change.after or {} for change in found]


@pytest.fixture(params=["mysql_database", "mariadb_database"])
def either(request: pytest.FixtureRequest) -> MySqlDatabase:
    """A database on each of the two servers."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, MySqlDatabase)
    return found


class TestEveryType:
    async def test_a_row_is_the_same_in_the_binlog_and_in_a_select(self, either: MySqlDatabase):
        begin = binlog.log_end(either)
        fill(either)
        events, known = await mysql_rows.row_events(either, begin), mysql_rows.definition(either, "rows_")
        for handling, on_error in [*((mode, "fail") for mode in MODES), *((mode, "skip") for mode in NARROW)]:
            found = changes(mysql_rows.decode(events, mysql_rows.bound(known, handling, on_error)))
            assert inserted(found) == await selected(either, "rows_", handling, on_error)

    async def test_values_are_those_that_were_written(self, either: MySqlDatabase):
        begin = binlog.log_end(either)
        fill(either)
        one, two, three = inserted(await streamed(either, "rows_", begin))
        assert (one["ti"], one["mi"], one["i"], one["b"]) == (-128, -8388608, -2147483638, -(2**63))
        assert (two["tu"], two["su"], two["mu"], two["iu"], two["bu"]) == (255, 65535, 16777215, 4294967295, -1)
        assert (one["n"], one["big"], one["frac"]) == (Decimal("-0.01"), Decimal("-1e-30"), Decimal("-0.00001"))
        assert two["big"] == Decimal("12345678901234567890123456789012345.123456789012345678901234567890")
        assert (one["y"], one["da"], one["dt"], one["ts"], one["e"], one["s"]) == (0, None, None, None, "", "")
        assert (one["t0"], one["t3"], one["t5"], one["t6"]) == (-3020399000000, -1000, -10, -3020398999999)
        assert (two["bit1"], two["bit12"], two["bi"]) == (True, b"\xaa\x0a", b"a\0\0\0")
        assert (two["cl"], two["v16"], two["vs"], two["tt"], two["e"], two["s"]) == (
            "ü" * 200,
            "é😀",
            "ソ表",
            "Привет",
            "ü",
            "r,x y",
        )
        assert (one["bi"], one["vb"], one["bl"]) == (bytes(4), b"", b"")
        assert (two["ge"], two["gv"]) == (2147483641, 2147483642)
        assert set(three.values()) == {3, None}

    async def test_two_digit_years_are_adjusted_on_request(self, mysql_database: MySqlDatabase):
        begin = binlog.log_end(mysql_database)
        mysql_database.execute(
            "create table y (id int, d date); insert into y values (1, '0018-04-01'), (2, '0099-01-01')"
        )
        found = inserted(await streamed(mysql_database, "y", begin, ValueHandling(adjusts_years=True)))
        assert [row["d"] for row in found] == [17622, 10592]
        found = inserted(await streamed(mysql_database, "y", begin, ValueHandling(adjusts_years=False)))
        assert found[0]["d"] == -712863

    async def test_compressed_columns_of_mariadb(self, mariadb_database: MySqlDatabase):
        begin = binlog.log_end(mariadb_database)
        mariadb_database.execute(
            "create table z (id int primary key, v varchar(300) compressed character set latin1, t text compressed, b blob compressed,"
            "w varchar(20) compressed);"
            "insert into z values (1, repeat('é', 300), repeat('ü', 3000), repeat(X'00ff', 900), 'short'), (2, '', '', '', ''),"
            "(3, null, null, null, null);"
            "set column_compression_zlib_wrap = on; insert into z values (4, repeat('b', 200), repeat('c', 70), X'00', 'x')"
        )
        found = inserted(await streamed(mariadb_database, "z", begin))
        assert found == await selected(mariadb_database, "z")
        assert found[0] == {"id": 1, "v": "é" * 300, "t": "ü" * 3000, "b": b"\0\xff" * 900, "w": "short"}

    async def test_vectors_and_json_of_mysql(self, mysql_database: MySqlDatabase):
        begin = binlog.log_end(mysql_database)
        mysql_database.execute("create table w (id int primary key, v vector(3), j json)")
        mysql_database.execute(
            """insert into w values (1, string_to_vector('[1.5,-2,0.1]'), '{"b": 1.50, "a": [null]}'), (2, null, 'null'), (3, null, null)"""
        )
        one, two, three = inserted(await streamed(mysql_database, "w", begin))
        assert [one, two, three] == await selected(mysql_database, "w")
        assert one["j"] == '{"a":[null],"b":1.5}'
        assert (two["j"], three["j"]) == ("null", None)
        assert isinstance(one["v"], list)
        assert all(math.isclose(x, y, rel_tol=1e-7) for x, y in zip(one["v"], [1.5, -2, 0.1], strict=True))


class TestRowImages:
    TABLE = "create table r (id int primary key, a varchar(10), b text, c int not null default 4)"

    @pytest.mark.parametrize("image", ["MINIMAL", "NOBLOB"])
    async def test_what_an_image_leaves_out_is_absent_or_unchanged(self, either: MySqlDatabase, image):
        either.execute(f"{self.TABLE}; insert into r values (1, 'a', 'b', 1)")
        begin = binlog.log_end(either)
        either.execute(
            f"set session binlog_row_image = {image}; update r set a = 'y' where id = 1; update r set b = 'z' where id = 1;"
            "update r set id = 7 where id = 1; delete from r where id = 7"
        )
        one, two, three, four, five = await streamed(either, "r", begin)
        kept = image == "NOBLOB"
        old = {"id": 1, "a": "a" if kept else ABSENT, "b": ABSENT, "c": 1 if kept else ABSENT}
        assert one == Change("u", old, {**old, "a": "y"})
        assert two.after == {**old, "a": "y" if kept else ABSENT, "b": "z"}
        assert [change.op for change in (three, four, five)] == ["d", "c", "d"]
        assert five.before is not None
        assert (five.before["id"], five.before["b"]) == (7, ABSENT)

    async def test_defaults_of_an_insert_are_not_invented(self, mysql_database: MySqlDatabase):
        mysql_database.execute(self.TABLE)
        begin = binlog.log_end(mysql_database)
        mysql_database.execute("set session binlog_row_image = MINIMAL; insert into r(id, a) values (2, 'x')")
        (one,) = await streamed(mysql_database, "r", begin)
        assert one.after is not None
        assert (one.after["id"], one.after["a"]) == (2, "x")

    async def test_an_image_without_any_column_is_one_row(self, mysql_database: MySqlDatabase):
        mysql_database.execute("create table n (a int default 1)")
        begin = binlog.log_end(mysql_database)
        mysql_database.execute("set session binlog_row_image = MINIMAL; insert into n values (); delete from n")
        assert [change.op for change in await streamed(mysql_database, "n", begin)] == ["c", "d"]


class TestPartialJson:
    async def test_every_diff_of_every_document_is_applied(self, mysql_database: MySqlDatabase):
        document = '{"a": "%s", "b": [1, 2, 3], "c": {"d": 1}}' % ("x" * 200)
        mysql_database.execute("create table j (id int primary key, one json, n int, two json, three json)")
        mysql_database.execute(
            "insert into j values (1, %s, 0, %s, '[]'), (2, %s, 0, null, null)", document, document, document
        )
        begin = binlog.log_end(mysql_database)
        mysql_database.execute(
            "set session binlog_row_value_options = PARTIAL_JSON;"
            "update j set one = json_set(one, '$.b[1]', 'é', '$.c.d', 1.50), two = json_remove(two, '$.b'), n = n + 1;"
            "update j set two = json_set(two, '$.c.e', null) where id = 1; update j set one = '7'"
        )
        found = await streamed(mysql_database, "j", begin)
        assert len(found) == 5
        assert found[0].before is not None
        assert found[0].after is not None
        assert found[0].after["one"] == found[0].before["one"].replace("2,3", '"é",3').replace('"d":1', '"d":1.50')
        assert found[0].after["two"] == found[0].before["two"].replace('"b":[1,2,3],', "")
        assert [change.after for change in found[3:]] == await selected(mysql_database, "j")

    async def test_a_change_of_a_document_that_the_old_image_lacks_is_absent(self, mysql_database: MySqlDatabase):
        document = '{"a": "%s", "b": 1}' % ("x" * 200)
        mysql_database.execute("create table j (id int primary key, one json, n int, two json)")
        mysql_database.execute("insert into j values (1, %s, 0, %s)", document, document)
        begin = binlog.log_end(mysql_database)
        mysql_database.execute(
            "set session binlog_row_value_options = PARTIAL_JSON, binlog_row_image = MINIMAL;"
            "update j set two = json_set(two, '$.b', 2); update j set one = json_set(one, '$.b', 2), two = '[1]'"
        )
        one, two = await streamed(mysql_database, "j", begin)
        assert one.after == {"id": 1, "one": ABSENT, "n": ABSENT, "two": ABSENT}
        assert two.after == {"id": 1, "one": ABSENT, "n": ABSENT, "two": "[1]"}


class TestMetadata:
    async def test_a_definition_made_of_it_decodes_the_same(self, either: MySqlDatabase):
        begin = binlog.log_end(either)
        fill(either)
        events = await mysql_rows.row_events(either, begin)
        found = definition_of(parse_table_map(events[0]))
        known = mysql_rows.definition(either, "rows_")
        assert found is not None
        assert (found.primary_key, found.complete) == (("id",), False)
        assert disagreement(known, parse_table_map(events[0])) is None
        wide = {"fm", "ti"}  # FLOAT(m,d) is not told from FLOAT
        for ours, theirs in zip(found.columns, known.columns, strict=True):
            shown = replace(theirs, default=None, generated=False, collation=None, comment=None, auto_increment=False)
            if theirs.type == "GEOMETRYCOLLECTION":
                assert ours.type == "GEOMCOLLECTION"  # MariaDB's word and MySQL's
            elif theirs.base_type in ("TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT", "YEAR", "FLOAT", "DOUBLE"):
                assert (ours.name, ours.base_type, ours.unsigned) == (theirs.name, theirs.base_type, theirs.unsigned)
            elif theirs.base_type not in ("ENUM", "SET") and ours.name not in wide:
                assert ours == shown
            else:
                assert (ours.values, ours.charset) == (theirs.values, theirs.charset)
        ours_, theirs_ = (mysql_rows.bound(table, ValueHandling()) for table in (found, known))
        assert changes(mysql_rows.decode(events, ours_)) == changes(mysql_rows.decode(events, theirs_))


class TestPieces:
    async def test_an_event_is_taken_row_by_row_and_from_any_row_on(self, mysql_database: MySqlDatabase):
        mysql_database.execute("create table p (id int primary key, v varchar(10))")
        begin = binlog.log_end(mysql_database)
        mysql_database.execute("insert into p values (1, 'a'), (2, null), (3, 'c'); update p set id = id + 10")
        whole = await streamed(mysql_database, "p", begin)
        events = await mysql_rows.row_events(mysql_database, begin)
        bind = mysql_rows.bound(mysql_rows.definition(mysql_database, "p"), ValueHandling())
        for skipped in range(4):
            batch, decoder, info = ChangeBatch(tombstones=False), RowsDecoder(), SourceInfo()
            for event in events:
                if not decoder.take_map(event) if event[4] == 19 else False:
                    decoder.bind(bind(parse_table_map(event)))
                elif event[4] != 19:
                    assert decoder.begin(event) is not None
                    more = decoder.skip(skipped)
                    while more:
                        before = decoder.row
                        more = not decoder.feed(batch, info, len(batch) + 1, 1 << 40)
                        assert decoder.row == before + 1
            left = [change for at, change in enumerate(whole[:3]) if at >= skipped] + whole[3 + 2 * skipped :]
            assert changes(batch) == left


class TestTruncation:
    async def test_an_event_that_is_cut_off_is_an_error_and_never_a_row_that_was_not_written(
        self, either: MySqlDatabase
    ):
        begin = binlog.log_end(either)
        fill(either)
        either.execute("update rows_ set i = 5 where id = 1")
        events = await mysql_rows.row_events(either, begin)
        bind = mysql_rows.bound(mysql_rows.definition(either, "rows_"), ValueHandling(), "skip")
        table, rows = events[-2:]
        whole = parse_table_map(table)
        for size in range(19, len(table)):
            try:
                found = parse_table_map(table[:size])
            except DecodeError:
                continue
            # Where a piece of metadata ends; the rest of it could be missing as well.
            assert [(c.type, c.length, c.scale) for c in found.columns] == [
                (c.type, c.length, c.scale) for c in whole.columns
            ]
        for size in range(19, len(rows)):
            with pytest.raises(DecodeError):
                mysql_rows.decode([table, rows[:size]], bind)
