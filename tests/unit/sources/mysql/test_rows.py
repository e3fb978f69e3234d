"""Row events from bytes: what makes a row, what makes an error, and where a decoder stops and goes on."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdc.errors import ConversionError, DecodeError
from cdc.model.batch import ChangeBatch
from cdc.model.event import ABSENT
from cdc.model.schema import INT32, STRING
from cdc.model.table import Column, Table, TableId
from cdc.sources.columns.row import RowPlan
from cdc.sources.columns.values import TextDecoder
from cdc.sources.mysql.binlog.table_map import parse_table_map
from cdc.sources.mysql.schema.source_info import SOURCE_VARIABLES, SourceInfo
from cdc.sources.mysql.stream.rows import BoundTable, RowsDecoder
from cdc.sources.mysql.values.json import JsonDecoder
from cdc.sources.mysql.values.numeric import ImageIntDecoder
from cdc.sources.mysql.values.partial_json import PatchedJsonDecoder
from tests.support.mysql_rows import NO_LIMIT, SOURCE, Change, changes
from tests.unit.sources.mysql import row_events as r

LONG, VARCHAR, JSON = (3, b""), (15, (100).to_bytes(2, "little")), (245, b"\4")
MAP = r.table_map([LONG, VARCHAR, JSON])
COLUMNS = (Column("id", INT32), Column("v", STRING.as_optional()), Column("j", STRING.as_optional()))
TABLE = Table(TableId("d", "t"), "topic", COLUMNS, (0,), SOURCE)


def plan() -> RowPlan:
    return RowPlan(TABLE, [ImageIntDecoder(), TextDecoder(), PatchedJsonDecoder(JsonDecoder())], (0, 1, 2))


def long(value: int) -> bytes:
    return value.to_bytes(4, "little", signed=True)


def text(value: str) -> bytes:
    return bytes([len(value)]) + value.encode()


def json(document: bytes) -> bytes:
    return len(document).to_bytes(4, "little") + document


ONE = r.row(long(1), text("a"), None)
TWO = r.row(long(-2), None, json(b"\4\1"))


def ready(table_map: bytes = MAP) -> RowsDecoder:
    decoder = RowsDecoder()
    assert not decoder.take_map(table_map)
    assert decoder.unresolved == table_map
    decoder.bind(BoundTable(parse_table_map(table_map), plan()))
    return decoder


def decode(*events: bytes, decoder: RowsDecoder | None = None) -> list[Change]:
    decoder, batch = decoder or ready(), ChangeBatch(tombstones=False)
    for event in events:
        assert decoder.begin(event) is not None
        assert decoder.feed(batch, SourceInfo(), NO_LIMIT, NO_LIMIT)
        assert not decoder.open
        decoder.take_map(MAP)
    return changes(batch)


def seen(id: Any, v: Any = None, j: Any = None) -> dict[str, Any]:  # noqa: A002 (the column's name)
    return {"id": id, "v": v, "j": j}


class TestEvents:
    @pytest.mark.parametrize("version", [0, 7])
    def test_inserts_updates_and_deletes_of_both_versions(self, version):
        found = decode(
            r.rows(23 + version, 3, ONE, TWO), r.rows(24 + version, 3, TWO, ONE), r.rows(25 + version, 3, ONE)
        )
        one, two = seen(1, "a"), seen(-2, None, "true")
        assert found[:2] == [Change("c", None, one), Change("c", None, two)]
        assert [(change.op, change.before, change.after) for change in found[2:]] == [
            ("d", two, None),
            ("c", None, one),
            ("d", one, None),
        ]

    def test_extra_data_are_passed_over(self):
        assert decode(r.rows(30, 3, ONE, extra=b"\0\1\2\3")) == [Change("c", None, seen(1, "a"))]

    def test_an_update_fills_what_its_new_image_lacks_and_leaves_absent_what_neither_has(self):
        event = r.rows(31, 3, r.row(long(1)), r.row(text("b")), present=[[True, False, False], [False, True, False]])
        assert decode(event) == [Change("u", seen(1, ABSENT, ABSENT), seen(1, "b", ABSENT))]

    def test_a_partial_document_gets_its_diffs(self):
        before, diffs = b"\4\1", b"\0\1$\2\4\2"
        new = b"\1" + bytes([1]) + r.row(long(1), None, json(diffs))
        assert decode(r.rows(39, 3, r.row(long(1), None, json(before)), new))[0].after == seen(1, None, "false")

    def test_a_whole_document_in_a_partial_update_stays_whole(self):
        new = b"\1" + bytes([0]) + r.row(long(1), None, json(b"\4\1"))
        assert decode(r.rows(39, 3, r.row(long(1), None, None), new))[0].after == seen(1, None, "true")

    def test_an_image_without_columns_is_one_row(self):
        assert decode(r.rows(30, 3, b"", present=[[False] * 3])) == [Change("c", None, seen(ABSENT, ABSENT, ABSENT))]


class TestSource:
    def test_rows_are_numbered_and_share_the_rest(self):
        decoder, batch, info = ready(), ChangeBatch(), SourceInfo()
        info.commit_us, info.server_id, info.gtid, info.file, info.pos = 1_700_000_000_123_456, 5, b"u:1", b"log.1", 99
        decoder.begin(r.rows(30, 3, ONE, TWO))
        assert decoder.feed(batch, info, NO_LIMIT, NO_LIMIT)
        found = [dict(zip(SOURCE_VARIABLES, batch.row(at)[6] or (), strict=True)) for at in range(2)]
        assert [source.pop("row") for source in found] == [0, 1]
        assert (
            found[0]
            == found[1]
            == {
                "ts_ms": 1_700_000_000_123,
                "snapshot": "false",
                "ts_us": 1_700_000_000_123_456,
                "ts_ns": 1_700_000_000_123_456_000,
                "server_id": 5,
                "gtid": "u:1",
                "file": "log.1",
                "pos": 99,
                "thread": None,
                "query": None,
            }
        )


class TestPieces:
    def test_it_stops_at_the_limit_of_rows_and_goes_on_in_another_batch(self):
        decoder = ready()
        decoder.begin(r.rows(30, 3, ONE, TWO, ONE))
        one, other = ChangeBatch(), ChangeBatch()
        assert not decoder.feed(one, SourceInfo(), 2, NO_LIMIT)
        assert (len(one), decoder.row, decoder.open) == (2, 2, True)
        assert decoder.feed(other, SourceInfo(), 2, NO_LIMIT)
        assert (changes(other), decoder.open) == ([Change("c", None, seen(1, "a"))], False)

    def test_it_stops_when_the_batch_is_large(self):
        decoder, batch = ready(), ChangeBatch()
        decoder.begin(r.rows(30, 3, ONE, ONE))
        assert not decoder.feed(batch, SourceInfo(), NO_LIMIT, 1)
        assert len(batch) <= 1

    def test_rows_are_skipped_to_any_ordinal(self):
        decoder, batch = ready(), ChangeBatch(tombstones=False)
        decoder.begin(r.rows(31, 3, ONE, TWO, TWO, ONE))
        assert decoder.skip(1)
        assert decoder.row == 1
        decoder.feed(batch, SourceInfo(), NO_LIMIT, NO_LIMIT)
        assert [change.op for change in changes(batch)] == ["d", "c"]

    def test_skipping_all_rows_closes_the_event(self):
        decoder = ready()
        decoder.begin(r.rows(30, 3, ONE, TWO))
        assert not decoder.skip(2)
        assert not decoder.open
        with pytest.raises(ValueError, match="begin"):
            decoder.feed(ChangeBatch(), SourceInfo(), 1, 1)

    @pytest.mark.parametrize("kind", [30, 31])
    def test_rows_without_columns_and_bytes_behind_them_are_not_skipped_for_ever(self, kind):
        decoder = ready()
        decoder.begin(r.rows(kind, 3, b"\0\0", present=[[False] * 3] * (1 if kind == 30 else 2)))
        with pytest.raises(DecodeError, match="none of its columns"):
            decoder.skip(1 << 62)


class TestTables:
    def test_a_table_map_like_one_before_is_known_whatever_its_number(self):
        decoder = ready()
        other = r.table_map([LONG, VARCHAR, JSON], number=8)
        assert decoder.take_map(other)
        assert decoder.begin(r.rows(30, 3, ONE, number=8)) is not None

    def test_rows_of_a_table_that_is_not_wanted_are_passed_over(self):
        decoder = RowsDecoder()
        decoder.take_map(MAP)
        decoder.bind(None)
        assert decoder.begin(r.rows(30, 3, ONE)) is None
        assert not decoder.open

    def test_after_ddl_tables_are_bound_again(self):
        decoder = ready()
        decoder.forget()
        assert not decoder.take_map(MAP)

    def test_the_end_of_a_statement_that_changed_nothing_is_no_row(self):
        assert ready().begin(r.rows(30, 0, number=0xFFFFFF)) is None

    def test_rows_without_their_table_map_are_an_error(self):
        with pytest.raises(DecodeError, match="number 9 have no TABLE_MAP"):
            ready().begin(r.rows(30, 3, ONE, number=9))

    def test_another_number_of_columns_is_an_error(self):
        with pytest.raises(DecodeError, match=r"2 columns, its TABLE_MAP 3"):
            ready().begin(r.rows(30, 2, ONE))

    def test_a_plan_of_another_number_of_columns_is_an_error(self):
        with pytest.raises(DecodeError, match="1 columns in the binlog, and 3"):
            BoundTable(parse_table_map(r.table_map([LONG])), plan())


class TestWrongBytes:
    @pytest.mark.parametrize(
        "event",
        [
            r.rows(30, 3, ONE),
            r.rows(24, 3, TWO, ONE),
            r.rows(39, 3, TWO, b"\1\0" + ONE),
            r.rows(32, 3, TWO, extra=b"x"),
        ],
        ids=["insert", "update", "partial update", "delete"],
    )
    def test_an_event_cut_off_anywhere_is_an_error(self, event):
        for size in range(len(event)):
            with pytest.raises(DecodeError):
                decode(event[:size])

    def test_a_document_that_begins_like_the_text_of_diffs_is_an_error(self):
        with pytest.raises(DecodeError, match="unknown type 255"):
            decode(r.rows(30, 3, r.row(long(1), None, json(b"\xff1"))))

    def test_bytes_behind_an_image_without_columns_are_an_error(self):
        with pytest.raises(DecodeError, match="none of its columns"):
            decode(r.rows(30, 3, b"\0\0", present=[[False] * 3]))

    def test_an_event_of_another_type_is_an_error(self):
        with pytest.raises(DecodeError, match="type 2 has no rows"):
            decode(r.rows(2, 3, ONE))

    @given(st.data())
    def test_changed_bytes_are_an_error_or_rows(self, data):
        event = bytearray(
            data.draw(
                st.sampled_from([r.rows(30, 3, ONE, TWO), r.rows(31, 3, TWO, ONE), r.rows(39, 3, TWO, b"\1\0" + ONE)])
            )
        )
        for _ in range(data.draw(st.integers(1, 4))):
            event[data.draw(st.integers(19, len(event) - 1))] = data.draw(st.integers(0, 255))
        try:
            decode(bytes(event))
        except (DecodeError, ConversionError):
            pass
        except AssertionError:
            assert bytes(event[19:25]) != (7).to_bytes(6, "little")
