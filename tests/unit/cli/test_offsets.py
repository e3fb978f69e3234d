"""`cdc-stream offsets`: how a connector's stand is shown."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from cdc.cli.positions.logs import log_of
from cdc.cli.positions.postgres import PostgresView
from cdc.cli.positions.stand import Stand
from cdc.cli.positions.view import as_document, as_text
from cdc.config.connector import ConnectorConfig
from cdc.errors import SlotAdvanced
from cdc.sources.postgres.protocol.reader import SystemIdentity
from cdc.sources.postgres.server.inspection import Inspection
from cdc.sources.postgres.wal.position import PostgresPosition, SlotEvidence
from tests.unit.config.minimal import MINIMAL
from tests.unit.sources.postgres.test_slot import slot

POSITION = PostgresPosition(
    0x1F4, "7000", 3, xid=812, commit_us=1_700_000_000_000_000, slot=SlotEvidence("debezium", 0x64, 0x50)
)
SERVER = Inspection(
    SystemIdentity("7000", 3, 0x2F4), slot(0x1F4, restart_lsn=0x150, retained_bytes=420, safe_bytes=99), None
)
CONFIG = ConnectorConfig.from_raw(MINIMAL)
VIEW = PostgresView(SERVER, "debezium")
STAND = Stand(CONFIG, log_of(CONFIG), POSITION.offset(), POSITION, VIEW)


def seen(**changes: Any) -> PostgresView:
    return PostgresView(replace(SERVER, **changes), "debezium")


def document(stand: Stand):
    return json.loads(as_document(stand))


def test_a_person_sees_where_it_stands_and_that_it_can_go_on():
    assert as_text(STAND).splitlines() == [
        "connector shop",
        "stored offset: 0/1F4",
        "  last transaction: 812, committed 2023-11-14T22:13:20+00:00",
        "  server: system identifier 7000, timeline 3",
        "  slot: debezium, which began at 0/64",
        "server: system identifier 7000, timeline 3",
        "  end of its log: 0/2F4, 256 bytes after the stored offset",
        "  slot debezium: stands at 0/1F4, nobody reads it",
        "  kept for it: 420 bytes of log (wal_status reserved), 99 more are safe",
        "the connector can go on",
    ]


def test_a_program_sees_the_same():
    found = document(STAND)
    assert found["offset"] == POSITION.offset()
    assert found["position"]["lsn"] == "0/1F4"
    assert found["position"]["time"] == "2023-11-14T22:13:20+00:00"
    assert found["position"]["slot"] == {"name": "debezium", "began": "0/64", "restart": "0/50"}
    assert found["server"]["lag_bytes"] == 256
    assert found["server"]["slot"]["retained_bytes"] == 420
    assert (found["lost"], found["unknown"], found["unreadable"]) == (None, "", "")


def test_what_is_lost_is_named_with_the_remedy():
    lost = replace(STAND, server=seen(lost=SlotAdvanced("it was moved", "Look at it.")))
    assert as_text(lost).splitlines()[-1] == "the connector cannot go on: SlotAdvanced: it was moved. Look at it."
    assert document(lost)["lost"] == {"error": "SlotAdvanced", "fact": "it was moved", "remedy": "Look at it."}


@pytest.mark.parametrize(
    ("stand", "line"),
    [
        (
            replace(STAND, offset=None, position=None),
            "stored offset: none; the connector begins anew, as snapshot.mode says",
        ),
        (replace(STAND, position=None, unreadable="It names no place."), "stored offset: It names no place."),
        (
            replace(STAND, position=replace(POSITION, snapshot=True)),
            "stored offset: 0/1F4 (the snapshot is not complete)",
        ),
        (replace(STAND, position=PostgresPosition(0x1F4)), "  server: unknown"),
        (replace(STAND, server=None, unknown="It is gone."), "server: unknown; It is gone."),
        (replace(STAND, server=seen(slot=None)), "  slot debezium: does not exist"),
        (
            replace(STAND, server=seen(slot=slot(0x1F4, active_pid=77))),
            "  slot debezium: stands at 0/1F4, read by PID 77",
        ),
    ],
)
def test_what_is_not_there_is_said(stand, line):
    assert line in as_text(stand).splitlines()
    document(stand)
