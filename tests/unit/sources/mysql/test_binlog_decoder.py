"""Transactions from bytes: where they begin and end, what of them is passed over, and where the log stands then."""

from __future__ import annotations

import struct
import zlib
from uuid import UUID

import pytest

from cdc.errors import CdcError, DecodeError, LogIncident, StatementLogged
from cdc.model.batch import ChangeBatch
from cdc.sources.mysql.binlog.gtid import Gtid
from cdc.sources.mysql.binlog.position import Partial
from cdc.sources.mysql.binlog.table_map import parse_table_map
from cdc.sources.mysql.stream.binlog_decoder import BinlogDecoder
from cdc.sources.mysql.stream.rows import BoundTable
from tests.unit.sources.mysql import row_events as r
from tests.unit.sources.mysql import wire
from tests.unit.sources.mysql.test_events import TAGGED, tagged, varlen
from tests.unit.sources.mysql.test_rows import MAP, long, plan, text
from tests.unit.sources.mysql.wire import event

SID = UUID("b3f0315e-e86f-11f1-b867-02fc00000001")
NO_LIMIT = 1 << 40
ROWS = [r.row(long(number), text("a"), None) for number in range(1, 4)]
WRITE = r.rows(30, 3, *ROWS)
XID = event(16, bytes(8), checksum=False)


def gtid(number: int, committed_us: int = 1_700_000_000_000_000) -> bytes:
    body = b"\0" + SID.bytes + struct.pack("<Q", number) + b"\2" + struct.pack("<QQ", 0, 1)
    return event(33, body + committed_us.to_bytes(7, "little") + b"\x64", checksum=False)


def query(statement: bytes) -> bytes:
    return event(2, struct.pack("<IIBHH", 7, 0, 1, 0, 0) + b"d\0" + statement, checksum=False)


def placed(*events: bytes, begin: int = 4) -> list[bytes]:
    """Give events their sizes and places in a file."""
    found = []
    for each in events:
        begin += len(each)
        found.append(each[:9] + struct.pack("<II", len(each), begin) + each[17:])
    return found


TRANSACTION = (gtid(1), query(b"BEGIN"), MAP, WRITE, XID)


def feed(decoder: BinlogDecoder, events: list[bytes], batch: ChangeBatch, max_rows: int = NO_LIMIT) -> int:
    """Feed until nothing more is taken, bind what is asked for, and pass over statements."""
    taken = 0
    while taken < len(events):
        at = decoder.feed("log.000001", 0, events, taken, batch, max_rows, NO_LIMIT)
        if decoder.unresolved is not None:
            decoder.bind(BoundTable(parse_table_map(decoder.unresolved), plan()))
        elif decoder.statement is not None:
            decoder.end_statement(batch)
        elif at == taken or len(batch) >= max_rows:
            return at
        taken = at
    return taken


def ids(batch: ChangeBatch) -> list[int]:
    return [row[3][0] for row in map(batch.row, range(len(batch))) if row[3] is not None]


class TestTransactions:
    def test_a_log_with_gtids_of_both_servers_is_no_log(self):
        mariadb = event(162, struct.pack("<QIB", 7, 3, 0) + bytes(6), checksum=False)
        decoder = BinlogDecoder("log.000001", 4)
        with pytest.raises(DecodeError, match="GTIDs of MySQL and of MariaDB"):
            feed(decoder, placed(mariadb, MAP, WRITE, XID, *TRANSACTION), ChangeBatch())

    def test_a_transaction_ends_with_its_place_time_and_gtid(self):
        decoder, batch = BinlogDecoder("log.000001", 4), ChangeBatch()
        events = placed(*TRANSACTION)
        assert feed(decoder, events, batch) == 5
        assert ids(batch) == [1, 2, 3]
        end = 4 + sum(map(len, events))
        assert (decoder.place.resume_file, decoder.place.resume_position, decoder.place.position) == (
            "log.000001",
            end,
            end,
        )
        assert (decoder.in_transaction, decoder.commit_us) == (False, 1_700_000_000_000_000)
        assert decoder.committed.take() == [(str(SID), "", 1, 1)]
        assert [each.id for each in batch.transactions] == [str(Gtid(str(SID), "", 1))]

    def test_gtids_that_follow_each_other_are_one_run(self):
        decoder, batch = BinlogDecoder("log.000001", 4), ChangeBatch()
        parts = [each for number in (1, 2, 3, 5) for each in (gtid(number), query(b"BEGIN"), MAP, WRITE, XID)]
        feed(decoder, placed(*parts), batch)
        assert decoder.committed.take() == [(str(SID), "", 1, 3), (str(SID), "", 5, 5)]

    def test_when_a_file_was_made_is_known_of_the_file_at_hand_alone(self):
        decoder, batch = BinlogDecoder("log.000001", 4), ChangeBatch()
        described = struct.pack("<I", 77) + wire.format_description()[4:-4]
        feed(decoder, placed(described, *TRANSACTION), batch)
        place = decoder.place
        assert (place.created, place.resume_created) == (77, 77)
        decoder.feed("log.000002", 0, placed(gtid(2)), 0, batch, NO_LIMIT, NO_LIMIT)
        assert (place.created, place.resume_file, place.resume_created) == (0, "log.000002", 0)

    def test_inside_a_transaction_the_place_is_that_of_its_beginning(self):
        decoder, batch = BinlogDecoder("log.000001", 4), ChangeBatch()
        events = placed(*TRANSACTION)
        assert feed(decoder, events, batch, max_rows=2) == 3
        assert (decoder.place.begin_position, decoder.place.resume_position, decoder.events) == (4, 4, 2)
        assert (decoder.rows_taken, decoder.ordinal) == (2, 2)

    @pytest.mark.parametrize("taken", range(4))
    @pytest.mark.parametrize("by_rows", [False, True])
    def test_what_was_published_is_passed_over(self, taken, by_rows):
        events, rows = (0, 0) if by_rows else (2, taken)
        partial = Partial(events, rows, f"{SID}:1", ordinal=taken)
        decoder, batch = BinlogDecoder("log.000001", 4, partial if taken or events else None), ChangeBatch()
        feed(decoder, placed(*TRANSACTION), batch)
        assert ids(batch) == [1, 2, 3][taken:]
        assert batch.continues == taken

    def test_a_part_is_passed_over_of_its_own_transaction_only(self):
        decoder, batch = BinlogDecoder("log.000001", 4, Partial(2, 2, f"{SID}:2", ordinal=2)), ChangeBatch()
        second = (gtid(2), *TRANSACTION[1:])
        events = placed(*TRANSACTION, *second)
        taken = feed(decoder, events, batch)
        assert taken == 10
        assert ids(batch) == [1, 2, 3, 3]

    def test_transactions_of_servers_that_are_not_wanted_are_left_out_and_counted_as_read(self):
        decoder, batch = BinlogDecoder("log.000001", 4, wants=lambda uuid: uuid != str(SID)), ChangeBatch()
        feed(decoder, placed(*TRANSACTION), batch)
        assert (len(batch), batch.transactions) == (0, [])
        assert decoder.committed.take() == [(str(SID), "", 1, 1)]

    def test_before_the_stored_place_nothing_is_published_even_if_that_is_the_end_of_a_file(self):
        end = 4 + sum(map(len, TRANSACTION))
        decoder, batch = BinlogDecoder("log.000001", end, catch_up=("log.000001", end)), ChangeBatch()
        feed(decoder, placed(*TRANSACTION), batch)
        assert (len(batch), decoder.place.catching_up) == (0, True)
        events = placed(gtid(2), *TRANSACTION[1:])
        taken = decoder.feed("log.000002", 0, events, 0, batch, NO_LIMIT, NO_LIMIT)
        decoder.bind(BoundTable(parse_table_map(decoder.unresolved or b""), plan()))
        assert decoder.feed("log.000002", 0, events, taken, batch, NO_LIMIT, NO_LIMIT) == 5
        assert (ids(batch), decoder.place.catching_up) == ([1, 2, 3], False)

    def test_what_was_rolled_back_is_taken_back(self):
        decoder, batch = BinlogDecoder("log.000001", 4), ChangeBatch()
        events = placed(
            *TRANSACTION[:4],
            query(b"SAVEPOINT `a b`"),
            MAP,
            WRITE,
            query(b"ROLLBACK TO `a b`"),
            MAP,
            r.rows(32, 3, ROWS[0]),
            XID,
        )
        feed(decoder, events, batch)
        assert [batch.row(at)[0] for at in range(len(batch))] == ["c", "c", "c", "d", ""]
        feed(decoder, placed(gtid(2), *TRANSACTION[1:4], query(b"ROLLBACK")), batch)
        assert (len(batch), decoder.in_transaction) == (5, False)

    def test_a_rollback_of_what_is_published_is_an_error(self):
        decoder, batch = BinlogDecoder("log.000001", 4), ChangeBatch()
        events = placed(*TRANSACTION[:4], query(b"ROLLBACK"))
        taken = feed(decoder, events, batch, max_rows=2)
        decoder.cut()
        with pytest.raises(DecodeError, match="rolled back"):
            feed(decoder, events[taken:], ChangeBatch())

    def test_a_savepoint_without_a_name_is_one(self):
        decoder, batch = BinlogDecoder("log.000001", 4), ChangeBatch()
        feed(decoder, placed(*TRANSACTION[:2], query(b"SAVEPOINT"), *TRANSACTION[2:]), batch)
        assert ids(batch) == [1, 2, 3]


class TestCompressedRows:
    @pytest.mark.parametrize(("kind", "plain"), [(166, 23), (169, 30)])
    def test_rows_that_mariadb_compressed_are_read(self, kind, plain):
        whole = r.rows(plain, 3, *ROWS)
        body = whole[19 : len(whole) - sum(map(len, ROWS))]
        rows = b"".join(ROWS)
        compressed = event(kind, body + b"\x81" + bytes([len(rows)]) + zlib.compress(rows), checksum=False)
        decoder, batch = BinlogDecoder("log.000001", 4), ChangeBatch()
        feed(decoder, placed(gtid(1), query(b"BEGIN"), MAP, compressed, XID), batch)
        assert ids(batch) == [1, 2, 3]


class TestWhatCannotBeRead:
    def test_rows_outside_a_transaction(self):
        decoder = BinlogDecoder("log.000001", 4)
        with pytest.raises(DecodeError, match="outside a transaction"):
            feed(decoder, placed(MAP, WRITE), ChangeBatch())

    def test_a_transaction_inside_another(self):
        with pytest.raises(DecodeError, match="inside another"):
            feed(BinlogDecoder("log.000001", 4), placed(gtid(1), query(b"BEGIN"), gtid(2)), ChangeBatch())

    @pytest.mark.parametrize("number", [0, (1 << 63) - 1, (1 << 64) - 1])
    def test_a_number_that_no_transaction_has(self, number):
        """It would go into offsets, which then could not be read."""
        with pytest.raises(DecodeError, match="no GTID"):
            feed(BinlogDecoder("log.000001", 4), placed(gtid(number)), ChangeBatch())

    @pytest.mark.parametrize("at_us", [(1 << 63) // 1000 + 1, 1 << 63, (1 << 64) - 1])
    def test_a_time_that_nanoseconds_do_not_reach(self, at_us):
        with pytest.raises(DecodeError, match=str(at_us)):
            feed(BinlogDecoder("log.000001", 4), placed(tagged({**TAGGED, 7: varlen(at_us)})), ChangeBatch())

    def test_an_event_that_begins_before_its_file(self):
        """Where it begins may go into offsets."""
        with pytest.raises(DecodeError, match="ends at 40 of"):
            feed(BinlogDecoder("log.000001", 4), placed(gtid(1), begin=40 - len(gtid(1))), ChangeBatch())

    def test_an_incident_and_a_statement_that_loads_a_file(self):
        for kind, body, error in ((26, b"\1\0\4lost", LogIncident), (18, bytes(26), StatementLogged)):
            with pytest.raises(error, match=r"log\.000001:4"):
                feed(BinlogDecoder("log.000001", 4), placed(event(kind, body, checksum=False)), ChangeBatch())

    @pytest.mark.parametrize("at", range(5))
    def test_an_event_that_is_cut_off_is_our_error_and_never_another_row(self, at):
        events = placed(*TRANSACTION)
        for size in range(len(events[at])):
            cut = [*events[:at], events[at][:size], *events[at + 1 :]]
            batch = ChangeBatch()
            try:
                feed(BinlogDecoder("log.000001", 4), cut, batch)
            except CdcError:
                continue
            # Where a row ends, only its size in the header tells that more follow; the framer compares that.
            assert ids(batch) == [1, 2, 3][: len(ids(batch))]
            assert at == 3 or len(ids(batch)) == 3
