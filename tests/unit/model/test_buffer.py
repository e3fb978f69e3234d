"""The buffer and the record batch: bytes that compiled code fills."""

from __future__ import annotations

import pytest

from cdc.model.buffer import Buffer
from cdc.model.records import RecordBatch


class TestBuffer:
    def test_it_grows_with_what_is_written(self):
        buffer, expected = Buffer(), b""
        for size in (0, 1, 255, 1, 4096, 100_000):
            buffer.append(b"x" * size)
            expected += b"x" * size
            assert bytes(buffer) == expected
            assert len(buffer) == len(expected)

    def test_it_takes_every_kind_of_bytes(self):
        buffer = Buffer()
        for part in (b"a", bytearray(b"b"), memoryview(b".c.")[1:2]):
            buffer.append(part)
        assert bytes(buffer) == b"abc"

    def test_clearing_forgets_the_content(self):
        buffer = Buffer()
        buffer.append(b"old")
        buffer.clear()
        assert bytes(buffer) == b""
        buffer.append(b"new")
        assert bytes(buffer) == b"new"


class TestRecordBatch:
    def test_records_come_back(self):
        batch = RecordBatch()
        batch.add("a", b"k", b"v")
        batch.add("b", None, b"")
        batch.add("a", b"", None, (("own", b"1"),))
        assert [batch[index] for index in range(len(batch))] == [
            ("a", b"k", b"v", ()),
            ("b", None, b"", ()),
            ("a", b"", None, (("own", b"1"),)),
        ]
        assert batch.topics == ["a", "b"]
        assert batch.size == 3

    def test_common_headers_stand_behind_the_own_one(self):
        batch = RecordBatch()
        batch.headers = (("all", b"0"),)
        batch.add("a", None, None, (("own", b"1"),))
        batch.add("a", None, None)
        assert [batch[index][3] for index in range(2)] == [(("own", b"1"), ("all", b"0")), (("all", b"0"),)]

    @pytest.mark.parametrize("index", [-1, 0])
    def test_beyond_its_end(self, index):
        with pytest.raises(IndexError):
            RecordBatch()[index]

    def test_a_record_may_have_headers_of_its_own(self):
        records = RecordBatch()
        records.headers = (("shared", b"s"),)
        records.add("t", None, b"1", (("one", b"1"), ("two", None)))
        records.add("t", None, b"2")
        records.add("t", None, b"3", (("one", b""),))
        assert [records[at][3] for at in range(3)] == [
            (("one", b"1"), ("two", None), ("shared", b"s")),
            (("shared", b"s"),),
            (("one", b""), ("shared", b"s")),
        ]
