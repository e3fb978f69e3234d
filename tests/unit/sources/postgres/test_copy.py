"""The COPY decoder: escapes, nulls, and lines that no server writes."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import orjson
import pytest

from cdc.config import ConverterSettings
from cdc.converters.json import JsonConverter
from cdc.errors import ConversionError, DecodeError
from cdc.model.batch import ChangeBatch
from cdc.sources.columns.numeric import DecimalDecoder
from cdc.sources.columns.row import RowPlan
from cdc.sources.postgres.snapshot.copy import CopyDecoder
from cdc.sources.postgres.wal.source_info import SourceInfo
from tests.unit.sources.postgres.copy_text import read_row, write_row
from tests.unit.sources.postgres.stream import changes, plan, sources, table

TEXTS = table("a", "b", "c", key=())


def decode(*lines: bytes | memoryview, of: RowPlan | None = None, marker: bytes = b"true") -> ChangeBatch:
    batch = ChangeBatch()
    CopyDecoder(of or plan(TEXTS), SourceInfo(), 42).feed(list(lines), batch, marker)
    return batch


def rows(*lines: bytes, **options: Any) -> list[Sequence[object] | None]:
    return [after for _, _, after in changes(decode(*lines, **options))]


class TestValues:
    def test_rows_are_reads(self):
        assert changes(decode(b"x\ty\tz\n")) == [("r", None, ("x", "y", "z"))]

    def test_null_and_empty_are_two_things(self):
        assert rows(b"\\N\t\t\\N\n", b"\t\t\n") == [(None, "", None), ("", "", "")]

    def test_the_letters_of_null_in_a_longer_value(self):
        assert rows(b"\\\\N\t\\NN\tN\n") == [("\\N", "NN", "N")]

    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            (rb"\b\f\n\r\t\v", "\b\f\n\r\t\v"),
            (rb"\\", "\\"),
            (rb"\\\\n", "\\\\n"),
            (rb"\x\1\.", "x1."),
            (rb"a\tb", "a\tb"),
            ("Grüße\\n😀".encode(), "Grüße\n😀"),
            (rb"\\N", "\\N"),
        ],
    )
    def test_escapes(self, written, meant):
        assert rows(b"\t".join([written, b"", written]) + b"\n") == [(meant, "", meant)]
        assert read_row(written + b"\n") == [meant], "the oracle"

    def test_a_long_escaped_value(self):
        value = "line\n\\tab\t" * 100_000
        assert rows(write_row((value, "x", value))) == [(value, "x", value)]

    def test_values_pass_the_decoders_of_their_columns(self):
        numbers = RowPlan(table("id", "amount"), [*plan(table("id")).decoders, DecimalDecoder(2)], (0, 1))
        assert rows(b"-5\t1.5\n", of=numbers) == [(-5, Decimal("1.50"))]

    def test_columns_come_in_the_order_of_the_plan(self):
        turned = plan(table("id", "b"), targets=(1, -1, 0))
        assert rows(b"x\tleft out\t7\n", b"y\t\\N\t8\n", of=turned) == [(7, "x"), (8, "y")]

    def test_a_null_that_is_not_captured(self):
        assert rows(b"\\N\tx\n", of=plan(table("b"), targets=(-1, 0))) == [("x",)]

    def test_a_table_without_columns_has_empty_lines(self):
        assert rows(b"\n", b"\n", of=plan(table())) == [(), ()]

    def test_a_slice_of_a_larger_buffer(self):
        assert changes(decode(memoryview(b"..x\ty\tz\n\\N")[2:8])) == [("r", None, ("x", "y", "z"))]


class TestSourceBlock:
    def test_what_it_says(self):
        info = SourceInfo()
        info.commit_us, info.xid = 1_700_000_000_123_456, 99
        batch = ChangeBatch()
        decoder = CopyDecoder(plan(TEXTS), info, 42)
        decoder.feed([b"x\ty\tz\n"], batch, b"first")
        decoder.feed([b"x\ty\tz\n", b"x\ty\tz\n"], batch, b"true")
        assert [source["snapshot"] for source in sources(batch)] == ["first", "true", "true"]
        assert sources(batch)[0] == {
            "ts_ms": 1_700_000_000_123,
            "ts_us": 1_700_000_000_123_456,
            "ts_ns": 1_700_000_000_123_456_000,
            "snapshot": "first",
            "sequence": '[null,"42"]',
            "txId": 99,
            "lsn": 42,
            "origin": None,
            "origin_lsn": None,
        }

    def test_rows_that_share_it_are_encoded_with_their_own(self):
        bare = ConverterSettings(schemas_enable=False)
        converter = JsonConverter(bare, bare, (), b"?")
        shown = []
        for first in (42, 43):  # the same cells in another batch are another source block
            batch = ChangeBatch()
            for name, lsn in (("one", first), ("other", first + 10)):
                decoder = CopyDecoder(plan(table("a", name=name, key=())), SourceInfo(), lsn)
                decoder.feed([b"x\n"], batch, b"first")
                decoder.feed([b"y\n", b"z\n"], batch, b"true")
            records = converter.convert(batch)
            values = [orjson.loads(records[at][2] or b"") for at in range(len(records))]
            shown += [(value["after"]["a"], value["source"]["lsn"], value["source"]["snapshot"]) for value in values]
        assert shown == [
            (row, lsn, marker)
            for lsn in (42, 52, 43, 53)
            for row, marker in (("x", "first"), ("y", "true"), ("z", "true"))
        ]


class TestMalformedLines:
    @pytest.mark.parametrize(
        ("line", "fact"),
        [
            (b"", "no line end"),
            (b"x\ty\tz", "no line end"),
            (b"\n", "does not have 3 columns"),
            (b"x\ty\n", "does not have 3 columns"),
            (b"x\ty\tz\t\n", "does not have 3 columns"),
            (b"x\ty\tz\tw\n", "does not have 3 columns"),
            (b"x\ty\tz\\\n", "ends in a backslash"),
            (b"\\\tx\ty\n", "ends in a backslash"),
        ],
    )
    def test_they_are_refused(self, line, fact):
        with pytest.raises(DecodeError, match=fact):
            decode(line)

    def test_no_column_but_a_value(self):
        with pytest.raises(DecodeError, match="does not have 0 columns"):
            decode(b"x\n", of=plan(table()))

    def test_a_value_that_its_type_does_not_print(self):
        with pytest.raises(DecodeError, match=r"s\.t\.id: .*integer"):
            decode(b"one\n", of=plan(table("id")))

    def test_a_value_that_its_schema_cannot_carry(self):
        def of(on_error: str) -> RowPlan:
            return RowPlan(table("amount", key=()), [DecimalDecoder(2)], (0,), on_error)

        batch = decode(b"NaN\n", of=of("warn"))
        assert changes(batch) == [("r", None, (None,))]
        assert [(p.column, p.value) for p in batch.problems] == [("amount", "NaN")]
        assert changes(decode(b"NaN\n", of=of("skip"))) == [("r", None, (None,))]
        with pytest.raises(ConversionError, match=r"s\.t\.amount"):
            decode(b"NaN\n", of=of("fail"))
