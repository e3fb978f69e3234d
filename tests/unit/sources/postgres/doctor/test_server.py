"""What the settings of a server mean for a connector."""

from __future__ import annotations

import pytest

from cdc.sources.postgres.doctor.server import server_findings
from tests.unit.sources.postgres.doctor.examined import facts, only, server, settings, slot, told


def found(status_interval: float = 10.0, slot_exists: bool = True, failover: bool = False, **changes):
    chosen = settings(status_update_interval=status_interval, slot_failover=failover)
    more = {} if slot_exists else {"slot": None}
    return [
        finding
        for finding in server_findings(facts(server=server(**changes), **more), chosen)
        if finding.level != "note"
    ]


def test_a_server_that_is_set_up_well_gives_no_more_than_a_note():
    assert found() == []


def test_a_server_before_14_is_an_error():
    assert only(found(version=130014)).fact == "The server is PostgreSQL 13, and cdc-stream reads 14 and later"


@pytest.mark.parametrize("level", ["replica", "minimal"])
def test_another_wal_level_is_an_error_with_the_statement_that_sets_it(level):
    finding = only(found(wal_level=level))
    assert finding.level == "error"
    assert finding.fact == f"wal_level is {level}, and logical decoding needs logical"
    assert "ALTER SYSTEM SET wal_level = 'logical';" in finding.remedy
    assert "restart" in finding.remedy


def test_no_free_slot_is_an_error_unless_the_connector_has_its_own():
    assert found(slots=10) == []
    finding = only(found(slots=10, slot_exists=False))
    assert told([finding]) == [("error", "max_replication_slots")]
    assert "10 of max_replication_slots = 10" in finding.fact
    assert "ALTER SYSTEM SET max_replication_slots = 14;" in finding.remedy


def test_one_free_slot_is_enough():
    assert found(slots=9, slot_exists=False) == []


def test_no_free_wal_sender_is_an_error():
    finding = only(found(senders=10))
    assert told([finding]) == [("error", "max_wal_senders")]
    assert "ALTER SYSTEM SET max_wal_senders = 14;" in finding.remedy


def test_a_connector_that_runs_has_its_wal_sender():
    running = facts(server=server(senders=10), slot=slot(active_pid=77))
    assert [each for each in server_findings(running, settings()) if each.level != "note"] == []


def test_log_that_is_kept_without_bound_may_fill_the_disk():
    finding = only(found(max_slot_wal_keep_size=-1.0))
    assert told([finding]) == [("warning", "max_slot_wal_keep_size")]
    assert "ALTER SYSTEM SET max_slot_wal_keep_size = " in finding.remedy


def test_a_bound_of_kept_log_is_told_with_its_value():
    finding = only(server_findings(facts(server=server(max_slot_wal_keep_size=float(5 << 30))), settings()))
    assert told([finding]) == [("note", "max_slot_wal_keep_size")]
    assert "max_slot_wal_keep_size is 5 GB" in finding.fact


def test_a_timeout_of_idle_slots_is_a_risk():
    finding = only(found(idle_replication_slot_timeout=3600.0))
    assert told([finding]) == [("warning", "idle_replication_slot_timeout")]
    assert "is 1 h" in finding.fact


def test_a_sender_timeout_must_leave_room_for_two_reports():
    assert found(status_interval=30.0) == []
    finding = only(found(status_interval=31.0))
    assert told([finding]) == [("warning", "wal_sender_timeout")]
    assert "Set status.update.interval.ms to 15000" in finding.remedy


def test_without_a_sender_timeout_a_dead_connector_holds_its_slot():
    assert "wal_sender_timeout is 0" in only(found(wal_sender_timeout=0.0)).fact


def test_slots_of_failover_need_17():
    assert found(failover=True, version=170000) == []
    assert told(found(failover=True, version=160009)) == [("error", "slot.failover")]


class TestStandby:
    def test_before_16_it_does_not_decode(self):
        finding = only(found(standby=True, version=150008, hot_standby_feedback=True))
        assert told([finding]) == [("error", "standby")]
        assert "PostgreSQL 15 decodes on a primary only" in finding.fact

    def test_from_16_on_a_slot_waits_for_the_primary(self):
        finding = only(found(standby=True, version=160000, hot_standby_feedback=True))
        assert told([finding]) == [("warning", "standby")]
        assert "pg_log_standby_snapshot()" in finding.remedy

    def test_without_feedback_its_slots_are_in_danger(self):
        assert told(found(standby=True, hot_standby_feedback=False)) == [
            ("warning", "standby"),
            ("error", "hot_standby_feedback"),
        ]
