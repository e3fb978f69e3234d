"""The records beside the rows: what is marked, counted and published, and where in the transaction it stands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from cdc.config.beside import BesideSettings
from cdc.config.filters import NameFilter
from cdc.config.settings import BinaryMode, ConverterSettings, PostgresSettings
from cdc.converters.change_records import ChangeRecords
from cdc.converters.json import JsonConverter
from cdc.converters.value_json import ConnectJsonConverter
from cdc.model.batch import ChangeBatch
from cdc.sources.postgres.stream.beside import Beside
from cdc.sources.postgres.stream.pgoutput import PgOutputDecoder
from tests.unit.sources.postgres import messages as m
from tests.unit.sources.postgres.stream import INT8, NO_LIMIT, TEXT, changes, feed, plan_of

COLUMNS = [("id", INT8, -1, True), ("a", TEXT, -1, False)]
ONE, TWO, HIDDEN = (m.relation(oid, "s", name, COLUMNS) for oid, name in ((1, "one"), (2, "two"), (3, "hidden")))
COMMITTED_MS = 1709209815123


def beside(*, transactions: bool = True, binary_mode: BinaryMode = BinaryMode.BYTES, **more: Any) -> Beside:
    wanted = BesideSettings(transactions=transactions, **more)
    return Beside(PostgresSettings("h", "shop", "u", "p", beside=wanted, binary_mode=binary_mode), {"server": "p"})


def decoder(maker: Beside | None = None, **options: Any) -> PgOutputDecoder:
    return PgOutputDecoder(beside=maker or beside(), **options)


def transaction(*bodies: bytes, commit: int = 100, xid: int = 7) -> list[bytes]:
    """Return a transaction's messages; its changes stand at 11, 12 …"""
    described = [m.xlog(10, body) for body in (m.begin(commit, xid), ONE, TWO, HIDDEN)]
    changed = [m.xlog(place, body) for place, body in enumerate(bodies, 11)]
    return [*described, *changed, m.xlog(commit + 8, m.commit(commit, commit + 8))]


def marks(batches: Sequence[ChangeBatch]) -> list[tuple[str, str, int | None, dict[str, int] | None]]:
    """Return (status, id, event count, counts by collection) of every mark of a transaction."""
    values: list[Any] = [aside.record.value for batch in batches for aside in batch.asides]
    return [
        (
            value["status"],
            value["id"],
            value["event_count"],
            value["data_collections"]
            and {each["data_collection"]: each["event_count"] for each in value["data_collections"]},
        )
        for value in values
        if "status" in value
    ]


def blocks(batches: Sequence[ChangeBatch]) -> list[tuple[str, int, int] | None]:
    return [batch.transaction_block(index) for batch in batches for index in range(len(batch))]


def published(batches: Sequence[ChangeBatch]) -> list[Any]:
    """Return the values of the logical messages."""
    values: list[Any] = [aside.record.value for batch in batches for aside in batch.asides]
    return [value for value in values if value.get("op") == "m"]


class TestMarks:
    def test_events_are_numbered_in_their_transaction_and_in_their_collection(self):
        found = feed(decoder(), transaction(m.insert(1, (1, "a")), m.insert(2, (1, "b")), m.update(1, (1, "c"))))
        assert blocks(found) == [("7:100", 1, 1), ("7:100", 2, 1), ("7:100", 3, 2)]
        assert marks(found) == [("BEGIN", "7:100", None, None), ("END", "7:100", 3, {"s.one": 2, "s.two": 1})]

    def test_a_tombstone_is_no_event_and_a_change_of_key_is_two(self):
        found = feed(decoder(), transaction(m.update(1, (2, "b"), key=(1, None)), m.delete(1, key=(2, None))))
        assert [op for op, *_ in changes(found[0])] == ["d", "", "c", "d", ""]
        assert [block and block[1] for block in blocks(found)] == [1, None, 2, 3, None]
        assert marks(found)[-1][2:] == (3, {"s.one": 3})

    def test_what_is_left_out_is_not_counted(self):
        given = transaction(m.insert(3, (1, "a")), m.truncate(1), m.insert(1, (1, "a")))
        found = feed(decoder(skipped="t"), given)
        assert blocks(found) == [("7:100", 1, 1)]
        assert marks(found)[-1] == ("END", "7:100", 1, {"s.one": 1})

    def test_an_update_without_change_that_is_left_out_is_not_counted(self):
        given = transaction(m.update(1, (1, "a"), old=(1, "a")), m.update(1, (1, "b"), old=(1, "a")))
        found = [ChangeBatch(unchanged=False)]
        reader = decoder()
        taken = 0
        while taken < len(given):
            taken = reader.feed(given, taken, found[0], NO_LIMIT, NO_LIMIT)
            if reader.unresolved is not None:
                reader.bind(reader.unresolved.oid, plan_of(reader.unresolved))
        assert blocks(found) == [("7:100", 1, 1)]
        assert marks(found) == [("BEGIN", "7:100", None, None), ("END", "7:100", 1, {"s.one": 1})]

    def test_a_transaction_that_holds_nothing_captured_has_both_marks(self):
        found = feed(decoder(), transaction(m.insert(3, (1, "a"))))
        assert marks(found) == [("BEGIN", "7:100", None, None), ("END", "7:100", 0, [])]
        assert found[-1].boundary

    def test_the_marks_stand_around_their_rows_with_the_time_of_the_commit(self):
        (batch,) = feed(
            decoder(), [*transaction(m.insert(1, (1, "a"))), *transaction(m.insert(1, (2, "b")), commit=200)]
        )
        records = [aside.record for aside in batch.asides]
        assert [aside.row for aside in batch.asides] == [0, 1, 1, 2]
        assert {record.topic for record in records} == {"p.transaction"}
        assert [record.key for record in records] == [{"id": i} for i in ("7:100", "7:100", "7:200", "7:200")]
        assert {record.value["ts_ms"] for record in records} == {COMMITTED_MS}  # type: ignore[index]

    def test_without_being_asked_for_nothing_is_marked(self):
        found = feed(decoder(beside(transactions=False)), transaction(m.insert(1, (1, "a"))))
        assert blocks(found) == [None]
        assert marks(found) == []

    @pytest.mark.parametrize("cut", [1, 2, 3])
    def test_numbers_go_on_in_the_other_part_of_a_split_transaction(self, cut):
        """As many changes are read, with their counts, and the rest by another decoder that begins from those."""
        given = transaction(*(m.insert(1 + number % 2, (number, "a")) for number in range(4)))
        whole = feed(decoder(), given)
        first = decoder()
        head = feed(first, given[: 4 + cut])
        second = decoder(partial=(first.commit_lsn, first.ordinal), counts=first.counts)
        tail = feed(second, given)
        assert blocks(head) + blocks(tail) == blocks(whole)
        assert marks(head) + marks(tail) == marks(whole)

    def test_a_batch_that_ends_inside_a_transaction_leaves_its_numbers_readable(self):
        found = feed(decoder(), transaction(*(m.insert(1, (number, "a")) for number in range(5))), max_rows=2)
        assert len(found) > 2
        assert blocks(found) == [("7:100", number, number) for number in range(1, 6)]


class TestMessages:
    def test_a_message_in_a_transaction_stands_among_its_events(self):
        given = transaction(m.insert(1, (1, "a")), m.logical_message(12, "pre", b"\0\xff"), m.insert(1, (2, "b")))
        found = feed(decoder(), given)
        (value,) = published(found)
        assert value["message"] == {"prefix": "pre", "content": b"\0\xff"}
        assert value["transaction"] == {"id": "7:100", "total_order": 2, "data_collection_order": 1}
        assert [value["source"][name] for name in ("schema", "table", "txId", "lsn", "ts_ms", "sequence")] == [
            "", "", 7, 12, COMMITTED_MS, '[null,"12"]',
        ]  # fmt: skip
        assert blocks(found) == [("7:100", 1, 1), ("7:100", 3, 2)]
        assert marks(found)[-1] == ("END", "7:100", 3, {"s.one": 2, "p.message": 1})

    def test_one_outside_of_transactions_has_no_transaction_and_moves_the_position(self):
        reader = decoder()
        (batch,) = feed(reader, [m.xlog(48, m.logical_message(50, "pre", b"x", transactional=False))])
        (value,) = published([batch])
        assert (value["transaction"], value["source"]["txId"], value["source"]["lsn"]) == (None, None, 50)
        assert reader.resume_lsn == 50
        assert batch.boundary

    def test_one_that_was_published_before_is_not_published_again(self):
        given = [m.xlog(lsn - 2, m.logical_message(lsn, "pre", b"x", transactional=False)) for lsn in (50, 60)]
        found = feed(decoder(resume_lsn=50), given)
        assert [value["source"]["lsn"] for value in published(found)] == [60]

    @pytest.mark.parametrize("cut", [1, 2])
    def test_messages_of_the_published_part_of_a_transaction_are_passed_over(self, cut):
        given = transaction(m.logical_message(11, "a", b""), m.insert(1, (1, "a")), m.logical_message(13, "b", b""))
        found = feed(decoder(partial=(100, cut)), given)
        assert [value["message"]["prefix"] for value in published(found)] == ["b"]
        assert len(blocks(found)) == 2 - cut

    def test_prefixes_are_filtered_and_those_left_out_are_not_counted(self):
        names = NameFilter.parse("", "sec.*")
        given = transaction(m.logical_message(11, "secret", b""), m.logical_message(12, "open", b""))
        found = feed(decoder(beside(messages=names)), given)
        assert [value["message"]["prefix"] for value in published(found)] == ["open"]
        assert marks(found)[-1][3] == {"p.message": 1}

    def test_a_connector_does_not_publish_its_own_heartbeats(self):
        reader = decoder(beside(heartbeat_message="beat"))
        given = [m.xlog(48, m.logical_message(50, "beat", b"", transactional=False))]
        assert published(feed(reader, given)) == []
        assert reader.resume_lsn == 50

    @pytest.mark.parametrize(
        ("mode", "content"),
        [(BinaryMode.BASE64, "+/8="), (BinaryMode.BASE64_URL_SAFE, "-_8="), (BinaryMode.HEX, "fbff")],
    )
    def test_the_content_follows_the_mode_for_binary_values(self, mode, content):
        given = transaction(m.logical_message(11, "a", b"\xfb\xff"))
        (value,) = published(feed(decoder(beside(binary_mode=mode)), given))
        assert value["message"]["content"] == content

    def test_many_messages_end_a_batch_as_rows_do(self):
        given = transaction(*(m.logical_message(10 + n, "a", b"x" * 100) for n in range(1, 6)))
        by_number = feed(decoder(beside(transactions=False)), given, max_rows=2)
        assert [len(batch.asides) for batch in by_number] == [2, 2, 1]
        by_size = feed(decoder(beside(transactions=False)), given, max_size=1100)
        assert [len(batch.asides) for batch in by_size][:5] == [1, 1, 1, 1, 1]

    def test_a_batch_with_messages_of_an_open_transaction_is_no_boundary(self):
        (batch, *_) = feed(decoder(), transaction(m.logical_message(11, "a", b""), m.insert(1, (1, "a"))), max_rows=1)
        assert not batch.boundary


class TestOrigins:
    @pytest.mark.parametrize(("local_only", "rows"), [(False, 2), (True, 1)])
    def test_what_came_by_replication_is_left_out_if_only_local_changes_are_wanted(self, local_only, rows):
        given = transaction(m.insert(1, (1, "a")))
        there = transaction(m.origin(90, "other"), m.insert(1, (2, "b")), commit=200)
        found = feed(decoder(local_only=local_only), [*given, *there])
        assert len(blocks(found)) == rows
        assert len(marks(found)) == 2 * rows


def test_a_numbered_row_is_the_same_from_the_compiled_converter_and_as_a_single_record():
    (batch,) = feed(decoder(), transaction(m.insert(1, (1, "a")), m.update(2, (2, "b"), key=(1, None))))
    compiled = JsonConverter(ConverterSettings(), ConverterSettings(), (), b"x").convert(batch)
    single = ChangeRecords((), b"x", {})
    written = [single.read(batch, at).record for at in range(len(batch))]
    converter = ConnectJsonConverter()
    values = [converter.from_connect_data("t", record.value_schema, record.value) for record in written]
    assert values == [compiled[at][2] for at in range(len(batch))]
    blocks_written = [json.loads(value)["payload"]["transaction"] for value in values if value]
    assert blocks_written == [
        {"id": "7:100", "total_order": total, "data_collection_order": of} for total, of in ((1, 1), (2, 1), (3, 2))
    ]
