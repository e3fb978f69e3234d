"""The MySQL source: from the configuration to batches of committed changes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

from cdc.config.mysql_settings import MySqlSettings
from cdc.history.base import SchemaHistory
from cdc.metrics.counters import HistoryCounts
from cdc.model.batch import ChangeBatch
from cdc.model.position import Offset, Position
from cdc.snapshot.progress import SnapshotProgress
from cdc.sources.base import Retention
from cdc.sources.columns.converter import ColumnConverters
from cdc.sources.guardrail import check_count
from cdc.sources.mysql.binlog.position import MySqlPosition
from cdc.sources.mysql.ddl.definitions import Definitions
from cdc.sources.mysql.history.recovery import recovered
from cdc.sources.mysql.history.tracking import SchemaTracker
from cdc.sources.mysql.protocol.connection import Connection
from cdc.sources.mysql.protocol.dump import BinlogStream, DumpSettings
from cdc.sources.mysql.reselection.reselection import MySqlReselection, check_visible
from cdc.sources.mysql.schema.table_schema import TablePlans
from cdc.sources.mysql.server.facts import ServerFacts, check_server, read_facts
from cdc.sources.mysql.server.heartbeat import HeartbeatAction
from cdc.sources.mysql.server.login import open_connection
from cdc.sources.mysql.server.planning import Plan, plan, resume
from cdc.sources.mysql.server.retention import LogWatch
from cdc.sources.mysql.snapshot.catalog import server_definitions
from cdc.sources.mysql.snapshot.parts import find_tables, remembered
from cdc.sources.mysql.snapshot.snapshot import Snapshot
from cdc.sources.mysql.stream.streaming import BATCH_SHARE, LogOrigin, Streaming

log = logging.getLogger(__name__)


class MySqlLog:
    """A `Source` (see `cdc.sources.base`) over the binlog of one server.

    `history` has the definitions of tables up to the stored offset. `resumed` says that the connector has taken its snapshot since it was
    started: a mode that takes one at each start takes no other. `converters` are the custom ones of columns. Without a stored offset the
    stream begins behind `begin`, if it is given, and the definitions are those that the server has now. With `each_transaction`, each batch
    holds one transaction at most. `history_counts` tells what was done with the history.
    """

    def __init__(
        self,
        settings: MySqlSettings,
        history: SchemaHistory,
        *,
        resumed: bool = False,
        converters: ColumnConverters | None = None,
        begin: MySqlPosition | None = None,
        each_transaction: bool = False,
    ) -> None:
        self._settings = settings
        self._history = history
        self._resumed = resumed
        self._begin = begin
        self._each_transaction = each_transaction
        self._plans = TablePlans(settings, converters)
        self._plan = Plan(snapshot=False)
        self._connection: Connection | None = None
        self._facts: ServerFacts | None = None
        self._tracker: SchemaTracker | None = None
        self._snapshot: Snapshot | None = None
        self._stream: BinlogStream | None = None
        self._streaming: Streaming | None = None
        self._reselection: MySqlReselection | None = None
        self._watch = LogWatch(settings)
        self.history_counts = HistoryCounts()

    @property
    def partition(self) -> Mapping[str, str]:
        """The key under which the offset is stored, as Debezium's."""
        return {"server": self._settings.topic_prefix}

    @property
    def progress(self) -> SnapshotProgress | None:
        """How far the snapshot is; None when there is none."""
        return self._snapshot.progress if self._snapshot is not None else None

    @property
    def takes_snapshot(self) -> bool:
        """See `Source.takes_snapshot`."""
        return self._plan.snapshot

    @property
    def lag(self) -> int | None:
        """How many bytes of the binlog are not published yet, as of the last look at the server; None before streaming."""
        return self._watch.lag

    @property
    def retention(self) -> Retention | None:
        """See `RetainsLog.retention`."""
        return self._watch.retention

    async def start(self, stored: Offset | None) -> None:
        """See `Source.start`."""
        settings = self._settings
        self._connection = await open_connection(settings)
        facts = self._facts = await read_facts(self._connection)
        check_server(facts)
        await self._check_count()
        if settings.reselect is not None:
            check_visible(facts)
        if stored is None and self._begin is not None:
            self._plan = replace(resume(settings, self._begin, facts), recovers=True)
        else:
            self._plan = plan(settings, stored, facts, resumed=self._resumed)
        definitions = await server_definitions(self._connection)
        if not self._plan.snapshot and not self._plan.recovers and stored is not None:
            definitions = await self._recovered(definitions, stored)
        self.history_counts.status = "RUNNING"
        self._tracker = SchemaTracker(
            settings,
            definitions,
            self.partition,
            full_metadata=facts.full_metadata,
            counts=self.history_counts,
        )

    async def _check_count(self) -> None:
        if self._settings.guardrail.most:
            tables = remembered(self._settings, await find_tables(self._need_connection()))
            check_count(self._settings.guardrail, len(tables), "are in the schema history")

    async def _recovered(self, definitions: Definitions, stored: Offset) -> Definitions:
        with self.history_counts.recovering(time.time()):
            records = self._history.records()
            return await recovered(definitions, records, self.partition, stored, self.history_counts)

    async def batches(self) -> AsyncIterator[ChangeBatch]:
        """See `Source.batches`."""
        position, settings = self._plan.position, self._settings
        if self._plan.snapshot or self._plan.recovers:
            await asyncio.sleep(settings.snapshot.delay)
            async for batch in self._read_snapshot():
                found = batch.position
                yield batch
            position = found if position is None else position
            await asyncio.sleep(settings.snapshot.streaming_delay)
        if position is None:
            raise RuntimeError("the source is not started")
        if not settings.snapshot_policy.streams:
            log.info("nothing is streamed, as snapshot.mode is %s", settings.snapshot_mode)
            yield self._first(position)
            return
        streaming = await self._start_streaming(position)
        yield self._first(position)
        async for batch in streaming.batches():
            yield batch

    async def _read_snapshot(self) -> AsyncIterator[ChangeBatch]:
        """Yield the definitions as they are, and the rows that are wanted."""
        self._snapshot = Snapshot(
            self._settings,
            self._need_connection().endpoint,
            self._need_facts(),
            self._plans,
            self._need_tracker(),
            data=self._plan.snapshot and self._plan.data,
            recovers=self._plan.position,
        )
        async for batch in self._snapshot.batches():
            yield batch
        await self._snapshot.close()
        self._snapshot = None

    async def _start_streaming(self, position: MySqlPosition) -> Streaming:
        """Begin to stream behind `position`, at the same server."""
        settings, facts = self._settings, self._need_facts()
        start, catch_up = self._plan.start, self._plan.catch_up
        if start is None and position.open_xa:
            found = resume(settings, position, await read_facts(self._need_connection()))
            start, catch_up, position = found.start, found.catch_up, found.position or position
        if start is None:
            start = position.start(mariadb=facts.mariadb)
        dump = DumpSettings(
            settings.server_id,
            heartbeat=settings.keep_alive_interval / 2,
            silence=settings.keep_alive_interval * 2,
        )
        self._stream = await BinlogStream.open(self._need_connection().endpoint, dump)
        await self._stream.start(start)
        await self._open_reselection()
        self._streaming = Streaming(
            settings,
            self._stream,
            position,
            plans=self._plans,
            tracker=self._need_tracker(),
            origin=LogOrigin(facts.uuid, facts.server_id),
            partition=self.partition,
            catch_up=catch_up,
            recovered=self._plan.recovers,
            each_transaction=self._each_transaction,
            reselection=self._reselection,
        )
        self._watch.begin(position)
        log.info("streaming from %s", position)
        return self._streaming

    async def _open_reselection(self) -> None:
        settings = self._settings
        if settings.reselect is not None:
            endpoint, most = self._need_connection().endpoint, settings.queue_bytes // BATCH_SHARE
            facts = self._need_facts()
            self._reselection = await MySqlReselection.open(settings, settings.reselect, endpoint, facts, most)

    def _first(self, position: MySqlPosition) -> ChangeBatch:
        """Return a batch without rows, by which the place where streaming begins is stored."""
        batch = ChangeBatch()
        batch.position = position
        return batch

    async def keep_alive(self) -> None:
        """See `Source.keep_alive`: a look at the server's log now and then, and the heartbeat's statement."""
        action = HeartbeatAction(self._settings)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch.run(self._need_connection()), name="watch the binlog")
                if action.wanted:
                    group.create_task(action.run(lambda: self._streaming is not None), name="heartbeat action")
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    def acknowledge(self, position: Position) -> None:
        """See `Source.acknowledge`; MySQL keeps its log by age, so that there is nothing to release."""
        if isinstance(position, MySqlPosition):
            self._watch.acknowledge(position)

    async def stop(self) -> None:
        """See `Source.stop`."""
        self.history_counts.status = "STOPPED"
        if self._snapshot is not None:
            await self._snapshot.close()
        if self._streaming is not None:
            self._streaming.close()
        stream, self._stream = self._stream, None
        connection, self._connection = self._connection, None
        if self._reselection is not None:
            await self._reselection.close()
        if stream is not None:
            await stream.close()
        if connection is not None:
            await connection.close()

    def _need_connection(self) -> Connection:
        if self._connection is None:
            raise RuntimeError("the source is not started")
        return self._connection

    def _need_facts(self) -> ServerFacts:
        if self._facts is None:
            raise RuntimeError("the source is not started")
        return self._facts

    def _need_tracker(self) -> SchemaTracker:
        if self._tracker is None:
            raise RuntimeError("the source is not started")
        return self._tracker
