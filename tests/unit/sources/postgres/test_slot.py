"""Slots that can be used, and those that cannot."""

from __future__ import annotations

import re

import pytest

from cdc.config.settings import PostgresSettings
from cdc.errors import SlotInUse, SourceRefused
from cdc.sources.postgres.server.slot import Slot, check_free, check_kind, invalidated
from cdc.sources.postgres.wal.position import SlotEvidence

SETTINGS = PostgresSettings("db.example", "shop", "cdc", "prefix", slot_name="cdc_slot")


def slot(confirmed: int = 500, **fields) -> Slot:
    known = {
        "plugin": "pgoutput",
        "slot_type": "logical",
        "database": "shop",
        "active_pid": None,
        "wal_status": "reserved",
        "restart_lsn": 400,
    }
    return Slot(**{**known, **fields}, confirmed_lsn=confirmed)


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

    def test_a_slot_that_is_read_is_in_use(self):
        check_free(slot(), SETTINGS)
        with pytest.raises(SlotInUse, match=r"cdc_slot.*PID 77"):
            check_free(slot(active_pid=77), SETTINGS)


class TestInvalidation:
    @pytest.mark.parametrize("status", ["reserved", "extended", "unreserved"])
    def test_a_slot_in_danger_is_still_good(self, status):
        assert invalidated(slot(wal_status=status), "cdc_slot") is None

    @pytest.mark.parametrize(
        ("reason", "fact", "prevention"),
        [
            ("", r"removed log .*\(wal_status = lost\)", "max_slot_wal_keep_size"),
            ("wal_removed", r"removed log .*\(invalidation_reason = wal_removed\)", "max_slot_wal_keep_size"),
            ("rows_removed", "rows of its catalogs", "hot_standby_feedback"),
            ("wal_level_insufficient", "wal_level of the primary", "wal_level = logical"),
            ("idle_timeout", "nobody has read it", "idle_replication_slot_timeout"),
            ("a_later_one", "a_later_one", "server's log"),
        ],
    )
    def test_why_it_was_given_up_is_said_with_what_prevents_it(self, reason, fact, prevention):
        lost = invalidated(slot(wal_status="lost", invalidation=reason), "cdc_slot")
        assert lost is not None
        assert re.match(rf"slot cdc_slot was invalidated: .*{fact}", str(lost))
        assert prevention in lost.remedy
        assert "select pg_drop_replication_slot('cdc_slot')" in lost.remedy


class TestEvidence:
    def test_at_first_it_begins_where_the_slot_stands(self):
        assert slot(500, decoded_bytes=7).evidence("s") == SlotEvidence("s", 500, 400, 7)

    def test_where_it_began_stays(self):
        assert slot(500).evidence("s", SlotEvidence("s", 100, 90, 0)).began == 100

    def test_what_was_known_of_another_slot_does_not_count(self):
        assert slot(500).evidence("s", SlotEvidence("former", 100, 90, 0)).began == 500
