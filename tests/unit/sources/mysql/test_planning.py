"""Whether a server can go on from a stored position: what a failover, a reset or a purge in between is called."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import pytest

from cdc.config.mysql_settings import MySqlSettings
from cdc.config.snapshot import SnapshotMode, SnapshotPolicy, SnapshotSettings
from cdc.errors import LogDiverged, LogPurged, OtherServer, SnapshotUnfinished, SourceLost
from cdc.model.position import Offset
from cdc.sources.mysql.binlog.gtid import GtidSet
from cdc.sources.mysql.binlog.mariadb_gtid import MariaDbGtidSet
from cdc.sources.mysql.binlog.place import FilePosition
from cdc.sources.mysql.binlog.position import MySqlPosition, OpenXa
from cdc.sources.mysql.server.facts import LogFile, ServerFacts
from cdc.sources.mysql.server.planning import plan, resume

ONE, OTHER = "1" * 8 + "-1111-1111-1111-" + "1" * 12, "2" * 8 + "-2222-2222-2222-" + "2" * 12
SETTINGS = MySqlSettings(hostname="db", port=3306, user="u", server_id=9, topic_prefix="p")
FILES = LogFile("log.000002", 500), LogFile("log.000003", 300)
PLAIN = ServerFacts("MySQL", (9, 7, 0), False, {"server_uuid": ONE, "server_id": "1"}, "log.000003", 300, FILES)
GTIDS = replace(
    PLAIN,
    variables={**PLAIN.variables, "gtid_mode": "ON"},
    executed=GtidSet.parse(f"{ONE}:1-10"),
    purged=GtidSet.parse(f"{ONE}:1-4"),
)
MARIADB = replace(PLAIN, mariadb=True, variables={"server_id": "1"}, executed=MariaDbGtidSet.parse("0-1-10,7-1-5"))
PLACE = MySqlPosition("log.000002", 200, None, ONE, 1)
OPEN = OpenXa("X'61',X'',1", "log.000002", 100, "0-1-3")


def test_a_place_is_found_again():
    found = resume(SETTINGS, PLACE, PLAIN)
    assert (found.start, found.catch_up) == (FilePosition("log.000002", 200), None)


@pytest.mark.parametrize(
    ("position", "facts", "error", "what"),
    [
        (replace(PLACE, server_uuid=OTHER), PLAIN, OtherServer, "a place in one log means nothing in another"),
        (replace(PLACE, file="log.000001"), PLAIN, LogPurged, "has log.000002 to log.000003"),
        (replace(PLACE, pos=501), PLAIN, LogDiverged, "stands at log.000002:501, and the file ends at 500"),
        (replace(PLACE, file="log.000009"), PLAIN, LogPurged, "no binlog file log.000009"),
        (PLACE, replace(PLAIN, files=()), LogPurged, "it has no files"),
        (replace(PLACE, open_xa=(replace(OPEN, file="log.000001"),)), PLAIN, LogPurged, "log.000001"),
        (replace(PLACE, gtids=f"{ONE}:1-11"), GTIDS, LogDiverged, f"has never had the transactions {ONE}:11"),
        (replace(PLACE, gtids=f"{OTHER}:1"), GTIDS, LogDiverged, f"transactions {OTHER}:1"),
        (replace(PLACE, gtids=f"{ONE}:1-3"), GTIDS, LogPurged, f"the transactions {ONE}:4"),
        (replace(PLACE, gtids="0-1-11"), MARIADB, LogDiverged, "it stands at 0-1-10,7-1-5"),
        (replace(PLACE, gtids="0-1-9,8-1-1"), MARIADB, LogDiverged, "has never had all"),
        (
            replace(PLACE, gtids="0-1-9", open_xa=(OPEN,), server_id=2),
            MARIADB,
            OtherServer,
            "X'61',X'',1 cannot be found",
        ),
    ],
)
def test_a_loss_has_its_name(position, facts, error, what):
    with pytest.raises(error, match=what) as raised:
        resume(SETTINGS, position, facts)
    assert "snapshot" in raised.value.sentence()


def test_gtids_go_on_at_another_server():
    found = resume(SETTINGS, replace(PLACE, gtids=f"{ONE}:1-9", server_uuid=OTHER), GTIDS)
    assert str(found.start) == f"{ONE}:1-9"


def test_domains_go_on_at_another_server():
    found = resume(SETTINGS, replace(PLACE, gtids="0-1-9", server_id=2, server_uuid=""), MARIADB)
    assert str(found.start) == "0-1-9"


def test_prepared_transactions_of_mariadb_are_read_again_at_the_same_server():
    found = resume(SETTINGS, replace(PLACE, gtids="0-1-9", open_xa=(OPEN,), server_uuid=""), MARIADB)
    assert (found.start, found.catch_up) == (FilePosition("log.000002", 100), ("log.000002", 200))


def test_definitions_for_a_stored_place_are_not_read_where_there_is_none():
    with pytest.raises(SourceLost, match="there is none"):
        plan(replace(SETTINGS, snapshot_mode=SnapshotMode.RECOVERY), None, PLAIN, resumed=False)


def test_definitions_that_are_read_at_each_start_there_do_not_move_the_place_here():
    configured = SnapshotSettings(configured=SnapshotPolicy(at_first=False))
    settings = replace(SETTINGS, snapshot_mode=SnapshotMode.CONFIGURATION_BASED, snapshot=configured)
    found = plan(settings, {"file": "log.000002", "pos": 200}, PLAIN, resumed=False)
    assert (found.snapshot, found.start) == (False, FilePosition("log.000002", 200))


class TestSnapshotsOfDebezium:
    """By a signal, while it streams: a start there is neither one anew, by which deletes would be missed, nor one without its rows."""

    STORED: ClassVar[Offset] = {"file": "log.000002", "pos": 200, "event": 2, "row": 1, "snapshot": "INCREMENTAL"}

    def test_one_that_has_not_ended_is_an_error(self):
        with pytest.raises(SnapshotUnfinished):
            plan(SETTINGS, self.STORED, PLAIN, resumed=False)

    def test_a_new_one_can_be_asked_for(self):
        wanted = replace(SETTINGS, snapshot_mode=SnapshotMode.WHEN_NEEDED)
        assert plan(wanted, self.STORED, PLAIN, resumed=False).snapshot

    def test_behind_its_end_the_stream_goes_on(self):
        found = plan(SETTINGS, {**self.STORED, "snapshot": None}, PLAIN, resumed=False)
        assert (found.snapshot, found.start) == (False, FilePosition("log.000002", 200))
