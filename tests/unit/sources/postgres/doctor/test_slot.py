"""What a slot and a stored offset mean for a connector."""

from __future__ import annotations

import pytest

from cdc.config.settings import OffsetMismatch
from cdc.errors import SourceLost
from cdc.sources.postgres.doctor.slot import slot_findings
from tests.unit.sources.postgres.doctor.examined import facts, only, settings, slot, told


def found(**changes):
    more = {name: changes.pop(name) for name in ("lost", "overruled", "stored") if name in changes}
    return list(slot_findings(facts(slot=slot(**changes), **more), settings()))


def test_a_slot_that_is_read_well_gives_no_finding():
    assert found() == []


def test_one_that_is_absent_is_created():
    assert told(slot_findings(facts(slot=None), settings())) == [("note", "cdc_slot")]


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"plugin": "wal2json"}, "Slot cdc_slot uses the plugin wal2json, not pgoutput"),
        ({"slot_type": "physical", "plugin": None}, "Slot cdc_slot is a physical slot"),
        ({"database": "other"}, "Slot cdc_slot belongs to database other, not to shop"),
        ({"temporary": True}, "Slot cdc_slot is temporary: it ends with its session"),
    ],
)
def test_one_of_another_kind_is_an_error(changes, fact):
    finding = only(found(**changes))
    assert told([finding]) == [("error", "cdc_slot")]
    assert finding.fact == fact
    assert finding.remedy.startswith("Set slot.name to another name")


def test_one_that_was_invalidated_is_an_error_with_its_reason():
    finding = only(found(wal_status="lost", reason="idle_timeout"))
    assert "(wal_status = lost, invalidation_reason = idle_timeout)" in finding.fact
    assert "SELECT pg_drop_replication_slot('cdc_slot');" in finding.remedy


def test_one_that_is_about_to_be_invalidated_is_an_error():
    finding = only(found(wal_status="unreserved", retained=6 << 30))
    assert finding.level == "error"
    assert "keeps 6 GB of log (wal_status = unreserved)" in finding.fact


def test_one_that_keeps_much_is_a_warning():
    warn = settings().slot_wal_warn_bytes
    assert found(retained=warn - 1) == []
    assert told(found(retained=warn)) == [("warning", "cdc_slot")]
    finding = only(found(wal_status="extended", safe=1 << 30))
    assert finding.fact.endswith("and is invalidated 1 GB from now")


def test_one_that_somebody_else_reads_is_an_error():
    finding = only(found(active_pid=77, application="pg_recvlogical"))
    assert finding.level == "error"
    assert "PID 77 (pg_recvlogical)" in finding.fact
    assert "SELECT pg_terminate_backend(77);" in finding.remedy


def test_one_that_the_connector_itself_reads_is_a_note():
    assert told(found(active_pid=77, application="cdc-stream cdc_slot")) == [("note", "cdc_slot")]


class TestStoredOffset:
    LOST = SourceLost("the stored offset belongs to another server", "Connect to that one.")

    def test_one_that_cannot_be_gone_on_from_is_an_error(self):
        finding = only(found(stored=True, lost=self.LOST))
        assert told([finding]) == [("error", "stored offset")]
        assert finding.fact == "The stored offset belongs to another server"
        assert finding.remedy == "Connect to that one."

    def test_where_the_configuration_goes_on_all_the_same_it_is_a_warning(self):
        chosen = settings(offset_mismatch=OffsetMismatch.TRUST_SLOT)
        finding = only(slot_findings(facts(stored=True, lost=self.LOST, overruled=True), chosen))
        assert finding.level == "warning"
        assert "offset.mismatch.strategy = trust_slot" in finding.fact

    def test_beside_a_slot_that_cannot_be_used_it_is_not_told(self):
        assert told(found(plugin="wal2json", stored=True, lost=self.LOST)) == [("error", "cdc_slot")]

    def test_without_a_slot_it_is_told_alone(self):
        lost = slot_findings(facts(slot=None, stored=True, lost=self.LOST), settings())
        assert told(lost) == [("error", "stored offset")]
