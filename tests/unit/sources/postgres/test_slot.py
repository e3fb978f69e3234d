"""Whether a stored offset can go on from what the server has: every gap has an error that names it."""

from __future__ import annotations

import pytest

from cdc.config.settings import PostgresSettings
from cdc.errors import SourceLost, SourceRefused
from cdc.sources.postgres.position import PostgresPosition
from cdc.sources.postgres.reader import SystemIdentity
from cdc.sources.postgres.slot import Slot, check_continuity, check_kind

SETTINGS = PostgresSettings("db.example", "shop", "cdc", "prefix", slot_name="cdc_slot")
SERVER = SystemIdentity("7000", 1, 10_000)


def slot(confirmed: int = 500, **fields) -> Slot:
    known = {
        "plugin": "pgoutput",
        "slot_type": "logical",
        "database": "shop",
        "active_pid": None,
        "wal_status": "reserved",
    }
    return Slot(**{**known, **fields}, confirmed_lsn=confirmed)


def check(found: Slot | None, stored: PostgresPosition) -> None:
    check_continuity(found, stored, SERVER, SETTINGS)


class TestContinuity:
    @pytest.mark.parametrize("confirmed", [0, 499, 500])
    def test_a_slot_at_or_behind_the_offset_can_go_on(self, confirmed):
        check(slot(confirmed), PostgresPosition(500, "7000", 1))

    def test_a_slot_ahead_of_the_offset_has_lost_what_lies_between(self):
        with pytest.raises(SourceLost, match=r"stands at 0/1F5, ahead of the stored offset 0/1F4") as caught:
            check(slot(501), PostgresPosition(500, "7000", 1))
        assert "snapshot" in caught.value.remedy

    def test_an_absent_slot_has_lost_everything_since(self):
        with pytest.raises(SourceLost, match=r"cdc_slot does not exist.*0/1F4"):
            check(None, PostgresPosition(500, "7000", 1))

    def test_another_server_is_another_log(self):
        with pytest.raises(SourceLost, match=r"system identifier 6999; this one is 7000"):
            check(slot(), PostgresPosition(500, "6999", 1))

    def test_a_log_that_ends_before_the_offset_was_restored_or_replaced(self):
        check(slot(500), PostgresPosition(10_000, "7000", 1))
        with pytest.raises(SourceLost, match=r"0/2711 lies behind the end of the server's log, 0/2710"):
            check(slot(500), PostgresPosition(10_001, "7000", 1))

    def test_an_offset_of_debezium_does_not_name_its_server(self):
        check(slot(), PostgresPosition(500))
        with pytest.raises(SourceLost):
            check(slot(501), PostgresPosition(500))

    def test_within_a_split_transaction_the_offset_stands_before_it(self):
        check(slot(500), PostgresPosition(500, "7000", 1, partial=(700, 3)))


class TestKind:
    def test_ours(self):
        check_kind(slot(), SETTINGS)

    @pytest.mark.parametrize(
        ("fields", "fact"),
        [
            ({"slot_type": "physical", "plugin": None, "database": None}, "physical"),
            ({"plugin": "wal2json"}, "wal2json, not pgoutput"),
            ({"database": "other"}, "belongs to database other, not to shop"),
        ],
    )
    def test_slots_of_others_are_refused(self, fields, fact):
        with pytest.raises(SourceRefused, match=fact) as caught:
            check_kind(slot(**fields), SETTINGS)
        assert "slot.name" in caught.value.remedy

    def test_one_that_sends_prepared_transactions_before_their_commit_is_refused(self):
        with pytest.raises(SourceRefused, match="slot cdc_slot was created with two_phase") as caught:
            check_kind(slot(two_phase=True), SETTINGS)
        assert "without two_phase" in caught.value.remedy

    def test_an_invalidated_slot_is_lost(self):
        with pytest.raises(SourceLost, match="invalidated") as caught:
            check_kind(slot(wal_status="lost"), SETTINGS)
        assert "max_slot_wal_keep_size" in caught.value.remedy
