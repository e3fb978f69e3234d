"""What is said about the log that the server keeps: once when a bound is crossed, and not at each look."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from cdc.config.settings import PostgresSettings
from cdc.sources.base import Retention
from cdc.sources.postgres.server.retention import SlotWatch
from cdc.sources.postgres.server.slot import Slot
from tests.unit.sources.postgres.test_slot import slot

SETTINGS = PostgresSettings("db.example", "shop", "cdc", "prefix", slot_name="cdc_slot", slot_wal_warn_bytes=1000)


@pytest.fixture
def said(caplog):
    caplog.set_level(logging.WARNING)
    return lambda: [record.getMessage() for record in caplog.records]


def watch(warn_bytes: int = 1000) -> SlotWatch:
    return SlotWatch(replace(SETTINGS, slot_wal_warn_bytes=warn_bytes), lambda _: None, lambda _: None)


def test_each_crossing_is_warned_about_once(said):
    watched = watch()
    for size in [999, 1000, 5000, 1000, 999, 1001]:
        watched.note(slot(retained_bytes=size))
    first, second = said()
    assert "keeps 1000 bytes of log for slot cdc_slot (slot.wal.warn.bytes is 1000)" in first
    assert "keeps 1001 bytes" in second


def test_without_a_bound_there_is_no_warning(said):
    watch(0).note(slot(retained_bytes=1 << 40))
    assert said() == []


def test_a_slot_that_may_be_invalidated_is_warned_about_once(said):
    watched = watch()
    for status in ["reserved", "extended", "unreserved", "unreserved"]:
        watched.note(slot(wal_status=status))
    (line,) = said()
    assert "wal_status = unreserved" in line
    assert "max_slot_wal_keep_size" in line


def test_the_measure_is_there_for_others_and_gone_when_the_server_cannot_be_asked():
    heard: list[Slot] = []
    watched = SlotWatch(SETTINGS, heard.append, lambda _: None)
    seen = slot(retained_bytes=10, safe_bytes=None)
    watched.note(seen)
    measured = watched.retention
    watched.note(None)
    assert (measured, watched.retention) == (Retention(10, None, "reserved"), None)
    assert heard == [seen]
