"""Positions and their offset records, ours and Debezium's; and which transactions a snapshot has seen."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdc.errors import SourceLost
from cdc.model.position import Offset, format_lsn, parse_lsn
from cdc.sources.postgres.wal.position import (
    PostgresPosition,
    PublicationEvidence,
    SlotEvidence,
    SnapshotPart,
    Visibility,
    Witness,
    still_needed,
)

LSN = st.integers(1, 2**63 - 1)
NAMES = st.lists(st.text(max_size=9), max_size=3).map(tuple)
VISIBILITY = st.none() | st.builds(Visibility, text=st.just("10:20:12,15"), until=LSN)
positions = st.builds(
    PostgresPosition,
    lsn=LSN,
    system_id=st.text(st.characters(categories=["Nd"]), min_size=1, max_size=20),
    timeline=st.integers(1, 2**31),
    last_commit=st.just(0) | LSN,
    event_lsn=LSN,
    xid=st.integers(0, 2**32 - 1),
    commit_us=st.integers(0, 2**62),
    operation=st.sampled_from(["", "c", "u", "d", "t", "m"]),
    partial=st.none() | st.tuples(LSN, st.integers(1, 2**40)),
    snapshot=st.booleans(),
    visibility=VISIBILITY,
    parts=st.lists(st.builds(SnapshotPart, VISIBILITY, NAMES, NAMES), max_size=2).map(tuple),
    slot=st.none()
    | st.builds(SlotEvidence, name=st.just("s"), began=LSN, restart=LSN, decoded=st.integers(0, 1 << 40)),
    publication=st.none() | st.builds(PublicationEvidence, name=st.just("p"), oid=st.integers(1, 2**32 - 1)),
    witness=st.none() | st.builds(Witness, lsn=LSN, commit_us=st.integers(0, 2**62)),
)


class TestOffsets:
    @given(positions)
    def test_a_position_comes_back_from_its_record(self, position):
        stored = json.loads(json.dumps(dict(position.offset())))
        assert PostgresPosition.from_offset(stored) == position

    def test_it_speaks_as_debezium(self):
        position = PostgresPosition(
            300, "7", 1, last_commit=300, event_lsn=280, xid=9, commit_us=1_700_000_000_000_000, operation="u"
        )
        assert position.offset() == {
            "lsn_proc": 300,
            "lsn_events_processed": 0,
            "messageType": "UPDATE",
            "lsn_commit": 300,
            "lsn": 280,
            "txId": 9,
            "ts_usec": 1_700_000_000_000_000,
            "system_id": "7",
            "timeline": 1,
        }

    @pytest.mark.parametrize(
        ("operation", "word"), [("c", "INSERT"), ("u", "UPDATE"), ("d", "DELETE"), ("t", "TRUNCATE"), ("", None)]
    )
    def test_the_last_operation(self, operation, word):
        assert PostgresPosition(1, operation=operation).offset().get("messageType") == word

    def test_a_part_of_a_transaction(self):
        offset = PostgresPosition(300, "7", 1, partial=(400, 12)).offset()
        assert (offset["transaction_lsn"], offset["lsn_events_processed"]) == (400, 12)

    def test_the_counts_of_a_part_stand_under_debeziums_names_and_come_back(self):
        position = PostgresPosition(
            300, "7", 1, event_lsn=280, partial=(400, 12), counts=(("public.a", 9), ("p.message", 3))
        )
        stored = json.loads(json.dumps(dict(position.offset())))
        assert stored["transaction_data_collection_order_public.a"] == 9
        assert PostgresPosition.from_offset(stored) == position

    def test_counts_of_a_transaction_that_has_ended_are_not_taken(self):
        """Debezium keeps those of the last one."""
        stored: Offset = {"lsn_proc": 300, "lsn_commit": 300, "transaction_data_collection_order_public.a": 9}
        assert PostgresPosition.from_offset(stored).counts == ()

    def test_only_an_unfinished_snapshot_says_so(self):
        assert PostgresPosition(300, snapshot=True).offset()["snapshot"] == "INITIAL"
        assert not {"snapshot", "snapshot_completed"} & PostgresPosition(300).offset().keys()

    def test_what_is_known_of_the_slot_stands_beside(self):
        offset = PostgresPosition(300, "7", 1, slot=SlotEvidence("shop", 100, 90, 5)).offset()
        assert {key: offset[key] for key in offset if key.startswith("slot")} == {
            "slot": "shop",
            "slot_began": 100,
            "slot_restart": 90,
            "slot_decoded": 5,
        }

    def test_it_prints_for_people(self):
        assert str(PostgresPosition(0x16_B374D848)) == "16/B374D848"
        assert str(PostgresPosition(256, partial=(512, 3))) == "0/100 + 3 changes of the transaction at 0/200"


class TestDebeziumOffsets:
    def test_it_names_no_server_and_no_slot(self):
        position = PostgresPosition.from_offset({"lsn_proc": 350, "lsn": 340})
        assert (position.system_id, position.timeline, position.slot) == ("", 0, None)

    def test_streaming_goes_on_behind_the_last_commit(self):
        stored: Offset = {
            "lsn_proc": 350,
            "lsn_events_processed": 2,
            "messageType": "INSERT",
            "lsn_commit": 300,
            "lsn": 350,
            "txId": 9,
            "ts_usec": 5,
        }
        position = PostgresPosition.from_offset(stored)
        assert position == PostgresPosition(300, last_commit=300, event_lsn=350, xid=9, commit_us=5, operation="c")
        assert position.partial is None, "Debezium counts events at one LSN, which is no place in a transaction"

    def test_before_the_first_commit(self):
        assert PostgresPosition.from_offset({"lsn_proc": 350, "lsn": 340}).lsn == 350
        assert PostgresPosition.from_offset({"lsn": 340, "txId": 1}).lsn == 340

    def test_a_snapshot_that_was_cut_short_starts_again(self):
        stored: Offset = {
            "snapshot": "INITIAL",
            "snapshot_completed": False,
            "lsn": 340,
            "txId": 1,
            "last_snapshot_record": False,
        }
        assert PostgresPosition.from_offset(stored).snapshot

    def test_a_finished_snapshot_does_not(self):
        stored: Offset = {"snapshot": "INITIAL", "snapshot_completed": True, "lsn": 340}
        assert not PostgresPosition.from_offset(stored).snapshot

    def test_nulls_are_like_absent_keys(self):
        stored: Offset = {"lsn_proc": None, "lsn_commit": None, "lsn": 340, "transaction_id": None, "txId": None}
        assert PostgresPosition.from_offset(stored) == PostgresPosition(340, event_lsn=340)

    @pytest.mark.parametrize(
        "stored", [{}, {"lsn": None}, {"lsn": "340"}, {"lsn": True}, {"lsn": 0}, {"file": "binlog.1"}]
    )
    def test_an_offset_without_position_is_no_offset(self, stored):
        with pytest.raises(SourceLost, match="names no log position"):
            PostgresPosition.from_offset(stored)


class TestVisibility:
    @pytest.mark.parametrize(
        ("xid", "seen"),
        [
            (9, True),
            (10, False),
            (11, True),
            (12, False),
            (13, True),
            (15, False),
            (19, True),
            (20, False),
            (21, False),
        ],
    )
    def test_what_a_snapshot_sees(self, xid, seen):
        # xmin is the oldest running one, so it is always in the list of those that run.
        assert Visibility("10:20:10,12,15", 1000).sees(999, xid) is seen

    def test_what_committed_behind_it_was_not_seen(self):
        snapshot = Visibility("10:20:", 1000)
        assert snapshot.sees(999, 5)
        assert not snapshot.sees(1000, 5)
        assert not snapshot.sees(1001, 5)

    def test_across_the_wrap_of_32_bits(self):
        low, high = 2**32 - 5, 2**32 + 5
        snapshot = Visibility(f"{low}:{high}:{low},{2**32 + 3}", 1000)
        seen = {full: snapshot.sees(1, full & 0xFFFFFFFF) for full in range(low - 3, high + 3)}
        running_or_later = {low, 2**32 + 3, high, high + 1, high + 2}
        assert {full for full, visible in seen.items() if not visible} == running_or_later

    def test_it_is_needed_until_the_stream_has_passed_it(self):
        snapshot = Visibility("10:20:", 1000)
        assert still_needed(snapshot, 999) is snapshot
        assert still_needed(snapshot, 1000) is None
        assert still_needed(None, 0) is None

    @given(data=st.data())
    def test_like_a_plain_model_on_64_bits(self, data):
        high = data.draw(st.integers(2**31, 2**63))
        low = high - data.draw(st.integers(0, 1000))
        running = data.draw(st.sets(st.integers(low, high - 1), max_size=20)) if low < high else set()
        until, commit = data.draw(st.integers(0, 20)), data.draw(st.integers(0, 20))
        near = st.integers(-2000, 2000) | st.integers(-(2**31) + 1, 2**31 - 1)
        full = max(high + data.draw(near), 3)
        text = f"{low}:{high}:{','.join(map(str, sorted(running)))}"
        visible = full < high and (full < low or full not in running)
        assert Visibility(text, until).sees(commit, full % 2**32) is (visible and commit < until)


class TestLogSequenceNumbers:
    @given(st.integers(0, 2**64 - 1))
    def test_printed_and_read(self, lsn):
        assert parse_lsn(format_lsn(lsn)) == lsn

    @pytest.mark.parametrize(
        ("lsn", "text"), [(0, "0/0"), (0x16_B374D848, "16/B374D848"), (2**64 - 1, "FFFFFFFF/FFFFFFFF")]
    )
    def test_as_postgres_prints_them(self, lsn, text):
        assert format_lsn(lsn) == text
        assert parse_lsn(text.lower()) == lsn

    @pytest.mark.parametrize("text", ["", "16", "16/", "/1", "g/1", "1/2/3"])
    def test_other_texts_are_refused(self, text):
        with pytest.raises(ValueError):
            parse_lsn(text)
