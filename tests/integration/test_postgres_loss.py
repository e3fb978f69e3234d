"""Each way in which changes behind a stored offset can be gone is made to happen, and has an error of its own; and those that seem so but are none."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from cdc.config.settings import OffsetMismatch, PostgresSettings
from cdc.config.snapshot import SnapshotMode
from cdc.errors import (
    LogDiverged,
    OtherServer,
    SlotAdvanced,
    SlotDropped,
    SlotInvalidated,
    SlotNotFailedOver,
    SlotRecreated,
    SnapshotUnfinished,
    SourceError,
)
from cdc.model.batch import ChangeBatch
from cdc.sources.postgres.source import PostgresLog
from cdc.sources.postgres.wal.position import PostgresPosition
from cdc.testing.servers.postgres import PostgresServer
from tests.integration.postgres_copies import Backup, StandbyServer
from tests.integration.postgres_log import settings as settings_for
from tests.support.connector import until
from tests.support.database import Database, created

TABLE = "create table item (id int primary key)"


def settings(database: Database, **more: Any) -> PostgresSettings:
    return settings_for(database, snapshot_mode=SnapshotMode.NO_DATA, **more)


def ids(batch: ChangeBatch) -> list[int]:
    """Return the ids of the rows that were inserted."""
    inserted = (batch.row(index)[3] for index in range(len(batch)) if batch.row(index)[0] == "c")
    return [after[0] for after in inserted if after is not None]


async def read(
    found: PostgresSettings, stored: PostgresPosition | None, last: int
) -> tuple[list[int], PostgresPosition]:
    """Stream until the row `last` has come, acknowledge it, and return all rows with the position behind them."""
    source = PostgresLog(found)
    rows: list[int] = []
    try:
        await source.start(None if stored is None else stored.offset())
        async with asyncio.timeout(60):
            async for batch in source.batches():
                rows += ids(batch)
                position: PostgresPosition = batch.position
                if last in rows and batch.boundary:
                    source.acknowledge(position)
                    return rows, position
    finally:
        await source.stop()
    raise AssertionError("the stream has ended")


async def begin(found: PostgresSettings, database: Database) -> PostgresPosition:
    """Publish the rows 1 and 2 in two runs, so that the slot is known to have decoded something; return the stored position."""
    created_slot = PostgresLog(found)
    await created_slot.start(None)
    position = created_slot._plan.position
    await created_slot.stop()
    database.execute("insert into item values (1)")
    _, position = await read(found, position, 1)
    database.execute("insert into item values (2)")
    rows, position = await read(found, position, 2)
    assert rows == [2]
    return position


async def start(found: PostgresSettings, stored: PostgresPosition) -> None:
    """Start from a stored position, and stop."""
    source = PostgresLog(found)
    try:
        await source.start(stored.offset())
    finally:
        await source.stop()


@pytest.fixture
async def stored(database):
    """A position behind which row 3 was committed, while nobody read."""
    database.execute(TABLE)
    position = await begin(settings(database), database)
    database.execute("insert into item values (3)")
    return position


class TestSlots:
    """What happens to a slot while nobody reads it."""

    def drop(self, database: Database) -> None:
        until(lambda: not active(database), "releasing the slot")
        database.execute("select pg_drop_replication_slot(%s)", database.name)

    def create_anew(self, database: Database) -> None:
        self.drop(database)
        database.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", database.name)

    def advance(self, database: Database) -> None:
        until(lambda: not active(database), "releasing the slot")
        database.execute("select pg_replication_slot_advance(%s, pg_current_wal_lsn())", database.name)

    async def test_in_good_order_nothing_is_lost(self, database, stored):
        rows, _ = await read(settings(database), stored, 3)
        assert rows == [3]

    async def test_a_slot_that_was_dropped(self, database, stored):
        self.drop(database)
        with pytest.raises(SlotDropped, match=f"slot {database.name} does not exist"):
            await start(settings(database), stored)

    async def test_a_slot_that_was_dropped_and_created_anew(self, database, stored):
        self.create_anew(database)
        with pytest.raises(SlotRecreated, match="created anew"):
            await start(settings(database), stored)

    async def test_a_slot_that_somebody_else_has_advanced(self, database, stored):
        self.advance(database)
        with pytest.raises(SlotAdvanced, match="somebody else"):
            await start(settings(database), stored)

    async def test_a_slot_that_somebody_else_has_read(self, database, stored):
        until(lambda: not active(database), "releasing the slot")
        database.execute(
            "select from pg_logical_slot_get_binary_changes(%s, null, null, 'proto_version', '1', 'publication_names', %s)",
            database.name,
            database.name,
        )
        with pytest.raises(SlotAdvanced, match="somebody else"):
            await start(settings(database), stored)

    @pytest.mark.parametrize("happens", [create_anew, advance])
    @pytest.mark.parametrize(
        "strategy", [OffsetMismatch.TRUST_SLOT, OffsetMismatch.TRUST_GREATER_LSN, OffsetMismatch.NO_VALIDATION]
    )
    async def test_whoever_trusts_the_slot_goes_on_there_and_the_gap_is_said(
        self, database, stored, strategy, happens, caplog
    ):
        caplog.set_level(logging.WARNING)
        happens(self, database)
        database.execute("insert into item values (4)")
        rows, position = await read(settings(database, offset_mismatch=strategy), stored, 4)
        assert rows == [4]
        assert position.slot is not None
        (line,) = [each.getMessage() for each in caplog.records if "is left out" in each.getMessage()]
        assert f"between {stored} and " in line
        assert f"offset.mismatch.strategy={strategy}" in line

    async def test_without_validation_a_dropped_slot_is_created_and_the_gap_is_said(self, database, stored, caplog):
        caplog.set_level(logging.WARNING)
        self.drop(database)
        found = settings(database, offset_mismatch=OffsetMismatch.NO_VALIDATION)
        source = PostgresLog(found)
        await source.start(stored.offset())
        position = source._plan.position
        await source.stop()
        database.execute("insert into item values (4)")
        rows, _ = await read(found, position, 4)
        assert rows == [4]
        assert "does not exist" in caplog.text
        assert "is left out" in caplog.text

    async def test_an_offset_of_debezium_is_taken_and_gets_evidence(self, database, stored):
        offset = {"lsn_proc": stored.lsn, "lsn_commit": stored.lsn, "lsn": stored.lsn, "txId": 1, "ts_usec": 1}
        rows, position = await read(settings(database), PostgresPosition.from_offset(offset), 3)
        assert rows == [3]
        assert (position.system_id, position.slot and position.slot.name) == (stored.system_id, database.name)

    async def test_rows_that_a_snapshot_of_debezium_has_not_read_are_not_left_out(self, database, stored):
        offset = {"lsn_proc": stored.lsn, "lsn": stored.lsn, "snapshot": "INCREMENTAL", "snapshot_completed": False}
        source = PostgresLog(settings(database))
        try:
            with pytest.raises(SnapshotUnfinished):
                await source.start(offset)
        finally:
            await source.stop()

    async def test_what_the_slot_retains_is_measured_and_warned_about(self, database, stored, caplog):
        caplog.set_level(logging.WARNING)
        source = PostgresLog(settings(database, slot_wal_warn_bytes=1))
        await source.start(stored.offset())
        alive = asyncio.create_task(source.keep_alive())
        try:
            async with asyncio.timeout(30):
                while source.retention is None:
                    await asyncio.sleep(0.01)
        finally:
            alive.cancel()
            await source.stop()
        ((expected,),) = database.execute(
            "select (pg_current_wal_lsn() - restart_lsn)::bigint from pg_replication_slots where slot_name = %s",
            database.name,
        )
        assert 0 < (source.retention.retained_bytes or 0) <= expected
        assert source.retention.status == "reserved"
        assert f"bytes of log for slot {database.name} (slot.wal.warn.bytes is 1)" in caplog.text


def active(database: Database) -> bool:
    return bool(database.execute("select from pg_replication_slots where slot_name = %s and active", database.name))


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with PostgresServer(settings={"max_slot_wal_keep_size": "1MB"}) as server:
        yield server


@pytest.fixture
def own(server) -> Database:
    """A database of a server that no other test uses, with the table."""
    database = created(server.address)
    database.execute(TABLE)
    return database


def fill_the_log(database: Database) -> None:
    """Write several segments of log, and let the server remove those that no slot may keep."""
    for _ in range(4):
        database.execute("insert into item values ((select max(id) from item) + 1); select pg_switch_wal()")
    database.execute("checkpoint")


class TestServers:
    """What happens to a server."""

    async def test_a_slot_that_needs_more_log_than_the_server_may_keep(self, own):
        position = await begin(settings(own), own)
        fill_the_log(own)
        ((status,),) = own.execute("select wal_status from pg_replication_slots where slot_name = %s", own.name)
        assert status == "lost"
        with pytest.raises(SlotInvalidated, match="removed log that it needed") as caught:
            await start(settings(own), position)
        assert "max_slot_wal_keep_size" in caught.value.remedy
        with pytest.raises(SlotInvalidated):
            await start(settings(own, offset_mismatch=OffsetMismatch.NO_VALIDATION), position)

    async def test_a_slot_that_is_invalidated_under_a_stream_that_does_not_keep_up(self, own):
        """All that is read before is right, then the stream breaks, and the next start says why."""
        position = await begin(settings(own), own)
        source = PostgresLog(settings(own))
        await source.start(position.offset())
        batches = source.batches()
        await anext(batches)
        fill_the_log(own)
        read_rows: list[int] = []
        with pytest.raises(SourceError):  # noqa: PT012
            async with asyncio.timeout(60):
                async for batch in batches:
                    read_rows += ids(batch)
        await source.stop()
        assert read_rows == list(range(3, 3 + len(read_rows)))
        with pytest.raises(SlotInvalidated):
            await start(settings(own), position)

    async def test_another_server(self, own, database):
        position = await begin(settings(own), own)
        await begin_elsewhere(settings(database), database)
        with pytest.raises(OtherServer, match="belongs to the server with system identifier"):
            await start(settings(database), position)

    async def test_a_server_that_was_restored_from_a_copy(self, server, own):
        """Its log ends before the offset; and when it has come past it, neither the place nor the transaction's id tells, as they come again."""
        position = await begin(settings(own), own)
        server.stop()
        backup = Backup(server)
        server.start()
        own.execute("insert into item select generate_series(3, 20000)")
        _, position = await read(settings(own), position, 20000)
        server.stop()
        backup.restore()
        server.start()
        with pytest.raises(LogDiverged, match="behind the end of the server's log"):
            await start(settings(own), position)
        for row in range(1, 41):
            own.execute("insert into item select generate_series(%s::int, %s::int)", 1000 * row, 1000 * row + 999)
        ((has_come_past,),) = own.execute("select pg_current_wal_lsn() > %s::pg_lsn", str(position))
        assert has_come_past
        with pytest.raises(LogDiverged, match="does not have the last commit that was read"):
            await start(settings(own), position)

    async def test_a_server_that_was_killed_and_started_again_is_the_same(self, server, own):
        """The record of the last commit is a long one: it names all its subtransactions."""
        position = await begin(settings(own), own)
        own.execute("begin; " + "savepoint s; insert into item select max(id) + 1 from item; " * 1000 + "commit")
        _, position = await read(settings(own), position, 1002)
        server.kill()
        server.start()
        own.execute("insert into item values (100000)")
        rows_read, _ = await read(settings(own), position, 100_000)
        assert rows_read == [100_000]


async def begin_elsewhere(found: PostgresSettings, database: Database) -> None:
    """Make the same slot on another server."""
    database.execute(TABLE)
    await begin(found, database)


@dataclass(frozen=True, slots=True)
class FailedOver:
    """Two servers after a failover; the stored positions are of connectors with a failover slot and without."""

    former: PostgresServer
    present: StandbyServer
    database: Database
    with_slot: PostgresPosition
    without_slot: PostgresPosition

    def settings(self, suffix: str, *servers: PostgresServer, **more: Any) -> PostgresSettings:
        hosts = ",".join(f"127.0.0.1:{server.port}" for server in servers)
        name = f"{self.database.name}{suffix}"
        return replace(settings(self.database, **more), hostname=hosts, slot_name=name)


def synchronised(standby: StandbyServer, slot: str) -> bool:
    """Tell whether the standby has a copy of the slot that will outlive a promotion."""
    found = f"select from pg_replication_slots where slot_name = '{slot}' and synced and not temporary"
    return standby.execute(f"select count(*) from ({found}) s") == "1"


@pytest.fixture(scope="module")
def failed_over() -> Iterator[FailedOver]:
    """A standby takes over from a primary that has stopped, and row 4 is written there."""
    following = {"hot_standby_feedback": "on", "sync_replication_slots": "on"}
    with PostgresServer(version=18) as former, StandbyServer(former, settings=following) as present:
        database = created(former.address)
        database.execute(TABLE)
        made = FailedOver(former, present, database, PostgresPosition(0), PostgresPosition(0))
        lost = asyncio.run(begin(made.settings("_lost", present, former), database))
        database.execute("delete from item")
        kept = asyncio.run(begin(made.settings("", present, former, slot_failover=True), database))
        row = 100

        def is_synchronised() -> bool:
            """A copy outlives the promotion once the slot has moved on from where the standby began to copy it."""
            nonlocal kept, row
            row += 1
            former.execute(f"insert into item values ({row}); select pg_log_standby_snapshot()", database.name)
            _, kept = asyncio.run(read(made.settings("", present, former), kept, row))
            end = former.execute("select pg_current_wal_lsn()")
            until(lambda: present.execute(f"select pg_last_wal_replay_lsn() >= '{end}'") == "t", "replaying", 60)
            return synchronised(present, database.name)

        until(is_synchronised, "synchronising the slot", 60)
        former.stop()
        present.promote()
        present.execute("insert into item values (4)", database.name)
        yield replace(made, with_slot=kept, without_slot=lost)


class TestFailover:
    async def test_the_stream_goes_on_from_the_slot_that_came_along(self, failed_over):
        found = failed_over.settings("", failed_over.former, failed_over.present)
        rows, position = await read(found, failed_over.with_slot, 4)
        assert rows == [4]
        assert position.timeline == failed_over.with_slot.timeline + 1
        await start(found, replace(position, witness=failed_over.with_slot.witness))

    async def test_a_slot_that_did_not_come_along(self, failed_over):
        with pytest.raises(SlotNotFailedOver, match="without the slot") as caught:
            await start(failed_over.settings("_lost", failed_over.present), failed_over.without_slot)
        assert "slot.failover=true" in caught.value.remedy

    async def test_changes_that_the_new_server_never_had(self, failed_over):
        beyond = replace(failed_over.with_slot, lsn=failed_over.with_slot.lsn + (1 << 24), xid=0)
        with pytest.raises(LogDiverged, match="left timeline 1 at"):
            await start(failed_over.settings("", failed_over.present), beyond)

    async def test_the_server_that_was_left(self, failed_over):
        failed_over.former.start()
        try:
            ahead = replace(failed_over.with_slot, timeline=2)
            with pytest.raises(LogDiverged, match="on timeline 2, but the server is still on timeline 1"):
                await start(failed_over.settings("", failed_over.former), ahead)
        finally:
            failed_over.former.stop()


async def test_a_slot_gets_its_failover_property_also_when_it_was_there_before(database):
    database.execute(TABLE)
    position = await begin(settings(database), database)
    await start(settings(database, slot_failover=True), position)
    (found,) = database.execute("select failover from pg_replication_slots where slot_name = %s", database.name)
    assert found == (True,)
