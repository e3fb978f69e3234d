"""From facts to a verdict: every gap has an error that names it, and nothing else is one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdc.config.settings import OffsetMismatch
from cdc.errors import (
    LogDiverged,
    OtherServer,
    PublicationDropped,
    PublicationRecreated,
    SlotAdvanced,
    SlotDropped,
    SlotInvalidated,
    SlotNotFailedOver,
    SlotRecreated,
    SourceLost,
)
from cdc.sources.postgres.protocol.reader import SystemIdentity
from cdc.sources.postgres.server.continuity import Facts, is_overruled, verdict
from cdc.sources.postgres.wal.position import PostgresPosition, PublicationEvidence, SlotEvidence, SnapshotPart, Witness
from tests.unit.sources.postgres.test_slot import slot

SERVER = SystemIdentity("7000", 3, 10_000)
EVIDENCE = SlotEvidence("cdc_slot", began=100, restart=400, decoded=50)
PUBLICATION = PublicationEvidence("cdc_pub", 16500)
STORED = PostgresPosition(500, "7000", 3, xid=812, slot=EVIDENCE, publication=PUBLICATION)
FACTS = Facts("cdc_slot", SERVER, slot(500), {1: 200, 2: 300}, "committed", publication=PUBLICATION)
DEBEZIUM = PostgresPosition(500)
PROMOTED = replace(STORED, timeline=2)


def lost(stored: PostgresPosition = STORED, **facts: Any) -> SourceLost:
    found = verdict(stored, replace(FACTS, **facts))
    assert found is not None
    assert found.remedy
    return found


class TestInGoodOrder:
    @pytest.mark.parametrize("confirmed", [0, 499, 500])
    def test_a_slot_at_or_behind_the_offset_can_go_on(self, confirmed):
        assert verdict(STORED, replace(FACTS, slot=slot(confirmed))) is None

    def test_an_offset_without_evidence_is_judged_by_its_place_alone(self):
        assert verdict(DEBEZIUM, replace(FACTS, slot=slot(500, restart_lsn=1), transaction="")) is None

    def test_within_a_split_transaction_the_offset_stands_before_it(self):
        assert verdict(replace(STORED, partial=(700, 3)), FACTS) is None

    def test_the_offset_may_be_the_end_of_the_log(self):
        assert verdict(replace(STORED, lsn=10_000), FACTS) is None

    def test_a_server_that_took_over_has_all_up_to_where_its_timeline_began(self):
        at_the_end = replace(PROMOTED, lsn=300)
        facts = replace(FACTS, slot=slot(250, restart_lsn=240))
        assert verdict(at_the_end, facts) is None, "also with a slot that is a little older there"

    @pytest.mark.parametrize("state", ["", "committed", "in progress"])
    def test_a_transaction_that_waits_for_a_standby_is_still_in_progress(self, state):
        assert verdict(STORED, replace(FACTS, transaction=state)) is None

    def test_another_slot_was_never_looked_at(self):
        other = replace(STORED, slot=replace(EVIDENCE, name="former", restart=499))
        assert verdict(other, FACTS) is None


class TestPublications:
    def test_one_that_is_gone(self):
        found = lost(publication=replace(PUBLICATION, oid=0))
        assert type(found) is PublicationDropped
        assert "publication cdc_pub does not exist any more" in str(found)
        assert "pg_drop_replication_slot('cdc_slot')" in found.remedy

    def test_one_that_is_gone_is_missed_by_an_offset_of_debezium_too(self):
        assert type(lost(DEBEZIUM, publication=replace(PUBLICATION, oid=0))) is PublicationDropped

    def test_another_one_of_the_same_name(self):
        found = lost(publication=replace(PUBLICATION, oid=16600))
        assert type(found) is PublicationRecreated
        assert "OID 16500 was read, 16600 is there" in str(found)

    def test_nobody_can_go_on_behind_the_gap_by_the_same_slot(self):
        for found in (lost(publication=replace(PUBLICATION, oid=oid)) for oid in (0, 16600)):
            assert not any(is_overruled(found, strategy) for strategy in OffsetMismatch)

    def test_one_of_another_name_was_never_looked_at(self):
        assert verdict(STORED, replace(FACTS, publication=PublicationEvidence("other", 16600))) is None

    def test_without_evidence_any_that_is_there_will_do(self):
        assert verdict(DEBEZIUM, FACTS) is None

    def test_a_snapshot_that_begins_anew_misses_nothing(self):
        facts = replace(FACTS, publication=replace(PUBLICATION, oid=16600))
        assert verdict(replace(STORED, snapshot=True), facts) is None
        going_on = replace(STORED, snapshot=True, parts=(SnapshotPart(None, complete=("public.a",)),))
        assert type(verdict(going_on, facts)) is PublicationRecreated

    def test_without_a_slot_the_slot_is_what_is_lost(self):
        assert type(lost(slot=None, publication=replace(PUBLICATION, oid=0))) is SlotDropped


class TestLoss:
    def test_another_server(self):
        found = lost(server=SERVER._replace(system_id="6999"))
        assert type(found) is OtherServer
        assert "system identifier 7000; this one is 6999" in str(found)

    def test_a_log_that_ends_before_the_offset(self):
        found = lost(server=SERVER._replace(flushed=499))
        assert type(found) is LogDiverged
        assert "0/1F4 lies behind the end of the server's log, 0/1F3" in str(found)

    def test_a_log_that_ends_within_the_transaction_that_is_published_in_part(self):
        assert type(lost(replace(STORED, partial=(10_000, 3)))) is LogDiverged
        assert verdict(replace(STORED, partial=(9_999, 3)), FACTS) is None

    @pytest.mark.parametrize(("state", "words"), [("aborted", "was aborted"), ("future", "has not begun yet")])
    def test_a_transaction_that_the_server_does_not_know(self, state, words):
        found = lost(transaction=state)
        assert type(found) is LogDiverged
        assert f"transaction 812 was published, but {words}" in str(found)

    def test_a_log_that_has_something_else_where_the_last_commit_was_read(self):
        witnessed = replace(STORED, witness=Witness(490, 1_700_000_000_000_000))
        found = lost(witnessed, witnessed=False)
        assert type(found) is LogDiverged
        assert "does not have the last commit that was read, at 0/1EA" in str(found)
        assert verdict(witnessed, replace(FACTS, witnessed=True)) is None
        assert verdict(witnessed, replace(FACTS, witnessed=None)) is None

    def test_a_slot_that_needs_older_log_than_before(self):
        found = lost(slot=slot(450, restart_lsn=399))
        assert type(found) is LogDiverged
        assert "needs the log from 0/18F on, but had come to 0/190" in str(found)

    def test_a_server_that_was_left_at_a_failover(self):
        found = lost(replace(STORED, timeline=4))
        assert type(found) is LogDiverged
        assert "is on timeline 4, but the server is still on timeline 3" in str(found)
        assert "database.hostname" in found.remedy

    def test_a_server_that_took_over_without_all_of_the_log(self):
        found = lost(replace(PROMOTED, lsn=301))
        assert type(found) is LogDiverged
        assert "left timeline 2 at 0/12C" in str(found)
        assert "synchronized_standby_slots" in found.remedy
        assert type(lost(replace(PROMOTED, lsn=250, partial=(300, 1)))) is LogDiverged

    def test_a_timeline_beside_that_of_the_server(self):
        found = lost(PROMOTED, left={1: 200})
        assert type(found) is LogDiverged
        assert "was never on timeline 2" in str(found)

    @pytest.mark.parametrize("stored", [STORED, DEBEZIUM])
    def test_no_slot(self, stored):
        found = lost(stored, slot=None)
        assert type(found) is SlotDropped
        assert "slot cdc_slot does not exist" in str(found)
        assert "0/1F4" in str(found)
        assert "offset.mismatch.strategy=no_validation" in found.remedy

    def test_no_slot_of_the_name_that_is_configured_now(self):
        found = lost(name="new_slot", slot=None)
        assert "slot new_slot does not exist" in str(found)
        assert "through slot cdc_slot" in str(found)

    def test_no_slot_on_the_server_that_took_over(self):
        found = lost(replace(PROMOTED, lsn=300), slot=None)
        assert type(found) is SlotNotFailedOver
        assert "timeline 2; another server has taken over since (timeline 3)" in str(found)
        assert "slot.failover=true" in found.remedy

    def test_a_slot_that_was_given_up(self):
        assert type(lost(slot=slot(450, wal_status="lost"))) is SlotInvalidated
        assert type(lost(slot=slot(501, wal_status="lost"))) is SlotInvalidated, "its place means nothing any more"

    @pytest.mark.parametrize(
        ("stored", "restart", "decoded", "kind"),
        [
            (STORED, 499, 0, SlotAdvanced),  # it needs log from before the offset, which no later slot does
            (STORED, 500, 50, SlotAdvanced),  # it has decoded what it had decoded
            (STORED, 500, 49, SlotRecreated),
            (STORED, 500, 0, SlotRecreated),
            (replace(STORED, slot=replace(EVIDENCE, decoded=0)), 500, 0, SlotRecreated),
            (DEBEZIUM, 499, 0, SlotAdvanced),
            (DEBEZIUM, 500, 99, SlotRecreated),
        ],
    )
    def test_a_slot_ahead_of_the_offset(self, stored, restart, decoded, kind):
        found = lost(stored, slot=slot(501, restart_lsn=restart, decoded_bytes=decoded))
        assert type(found) is kind
        assert "stands at 0/1F5, ahead of the stored offset 0/1F4" in str(found)
        assert "cdc-stream offsets reset" in found.remedy
        assert "offset.mismatch.strategy=trust_slot" in found.remedy


LSN = st.integers(1, 20)
TIMELINE = st.integers(1, 3)


@given(
    stored=st.builds(
        PostgresPosition, lsn=LSN, system_id=st.sampled_from(["", "a", "b"]), timeline=st.just(0) | TIMELINE
    ),
    server=st.builds(SystemIdentity, system_id=st.sampled_from(["a", "b"]), timeline=TIMELINE, flushed=LSN),
    confirmed=st.none() | LSN,
    left=st.dictionaries(TIMELINE, LSN),
)
def test_what_may_go_on_has_all_that_comes_behind_the_offset(stored, server, confirmed, left):
    found = verdict(stored, Facts("s", server, None if confirmed is None else slot(confirmed), left))
    same_server = stored.system_id in {"", server.system_id}
    same_log = stored.timeline in {0, server.timeline} or stored.lsn <= left.get(stored.timeline, 0)
    kept = confirmed is not None and confirmed <= stored.lsn <= server.flushed
    assert (found is None) == (same_server and same_log and kept)


class TestStrategy:
    @pytest.mark.parametrize("kind", [SlotAdvanced, SlotRecreated])
    def test_behind_a_slot_that_is_ahead_all_but_one_go_on(self, kind):
        asked = {strategy for strategy in OffsetMismatch if is_overruled(kind(""), strategy)}
        assert asked == set(OffsetMismatch) - {OffsetMismatch.TRUST_OFFSET}

    @pytest.mark.parametrize("kind", [SlotDropped, SlotNotFailedOver])
    def test_without_a_slot_only_no_validation_goes_on(self, kind):
        asked = {strategy for strategy in OffsetMismatch if is_overruled(kind(""), strategy)}
        assert asked == {OffsetMismatch.NO_VALIDATION}

    @pytest.mark.parametrize("kind", [OtherServer, LogDiverged, SlotInvalidated, SourceLost])
    def test_on_another_log_and_without_the_log_none_goes_on(self, kind):
        assert not any(is_overruled(kind(""), strategy) for strategy in OffsetMismatch)
