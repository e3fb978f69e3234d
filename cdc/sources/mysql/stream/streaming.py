"""From the stream of binlog events to batches: rows, statements by what they do, and distributed transactions when they commit."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cdc.config.mysql_settings import MySqlSettings
from cdc.errors import LogDiverged, PrepareUnseen
from cdc.model.batch import ChangeBatch
from cdc.model.event import Transaction
from cdc.model.table import TableId
from cdc.sources.marks import TransactionMarks
from cdc.sources.mysql.binlog.position import MySqlPosition, OpenXa, Partial
from cdc.sources.mysql.binlog.query_event import Query
from cdc.sources.mysql.binlog.xa import XaVerb, xa_statement
from cdc.sources.mysql.history.recovery import is_first
from cdc.sources.mysql.history.schema_changes import ChangeOrigin
from cdc.sources.mysql.history.tracking import SchemaTracker
from cdc.sources.mysql.protocol.dump import BinlogStream
from cdc.sources.mysql.protocol.dump_errors import LOG_REPLACED
from cdc.sources.mysql.reselection.reselection import MySqlReselection
from cdc.sources.mysql.schema.table_schema import TablePlans
from cdc.sources.mysql.stream.binlog_decoder import BinlogDecoder
from cdc.sources.mysql.stream.executed import Executed
from cdc.sources.mysql.stream.prepared import PreparedTransactions
from cdc.sources.mysql.stream.row_binding import RowBinding
from cdc.sources.mysql.stream.statement_format import check_loggable
from cdc.sources.naming import beside_topic

#: A batch ends at this many rows, or at this share of `max.queue.size.in.bytes`, even inside a transaction: one batch
#: is being read, two wait, one is being published, and the producer has the records of the last ones.
BATCH_ROWS = 5_000
BATCH_SHARE = 8


@dataclass(frozen=True, slots=True)
class LogOrigin:
    """Who wrote the log: the server's UUID and its number."""

    uuid: str
    server_id: int


class Streaming:
    """Reads one dump from `position` on; one consumer. `tracker` knows the definitions as of `position`, and moves along.

    If `recovered`, it knows them as the server has them now. With `each_transaction`, each batch holds one transaction at most, so that there
    is a position behind each. `reselection` fills in what rows lack.
    """

    def __init__(
        self,
        settings: MySqlSettings,
        stream: BinlogStream,
        position: MySqlPosition,
        *,
        plans: TablePlans,
        tracker: SchemaTracker,
        origin: LogOrigin,
        partition: Mapping[str, str],
        catch_up: tuple[str, int] | None = None,
        recovered: bool = False,
        each_transaction: bool = False,
        reselection: MySqlReselection | None = None,
    ) -> None:
        self._settings = settings
        self._reselection = reselection
        self._ended: set[str] = set()
        self._stream = stream
        self._position = position
        self._tracker = tracker
        self._rows = RowBinding(settings, plans, tracker, reselection)
        self._origin = origin
        self._plans = plans
        self._executed = Executed.parse(position.gtids, mariadb=stream.connection.mariadb)
        self._prepared = PreparedTransactions(settings.queue_bytes)
        self._awaited = {each.xid: each for each in position.open_xa}
        self._began = 0
        # With GTIDs, the file may be that of another server.
        self._stored = position if position.gtids is None and position.file_created else None
        self._recovered = recovered
        # Debezium does not tell the server, and cdc-stream always does.
        foreign = position.gtids is not None and not (position.server_uuid or stream.connection.mariadb)
        self._debeziums = (position.file, position.pos) if foreign else None
        topic = beside_topic(
            settings.topic_prefix, settings.beside.transaction_topic, delimiter=settings.topic_delimiter
        )
        self._decoder = BinlogDecoder(
            position.file,
            position.pos,
            position.partial,
            settings.gtid_sources.matches if settings.filters_changes_by_gtid else None,
            settings.skipped_operations,
            TransactionMarks(topic, partition, marks=settings.beside.transactions),
            dict(position.counts),
            settings.include_query,
            catch_up,
            each_transaction,
        )
        self._batch = self._new_batch()

    @property
    def position(self) -> MySqlPosition:
        """Where the last batch ended."""
        return self._position

    async def batches(self) -> AsyncIterator[ChangeBatch]:
        """Yield batches without end; one without rows only moves the position on."""
        while True:
            file, base, events = await self._stream.read()
            async for batch in self._decode(file, base, events):
                yield batch
            if not self._decoder.in_transaction and not self._decoder.place.catching_up:
                yield await self._finished()

    def close(self) -> None:
        """Forget what is kept in files."""
        self._prepared.close()

    async def _decode(self, file: str, base: int, events: list[bytes]) -> AsyncIterator[ChangeBatch]:
        """Decode events, and yield the batches that they fill."""
        decoder, taken = self._decoder, 0
        while taken < len(events):
            taken = decoder.feed(file, base, events, taken, self._batch, self._most_rows, self._most_bytes)
            self._check_file()
            if decoder.unresolved is not None:
                decoder.bind(self._rows.bound(decoder.unresolved))
            elif decoder.statement is not None:
                async for batch in self._statement(decoder.statement):
                    yield batch
            elif decoder.prepared is not None or (decoder.held.size and decoder.held.xid):
                async for batch in self._hold():
                    yield batch
            elif taken < len(events):
                yield await self._finished()

    @property
    def _most_rows(self) -> int:
        return BATCH_ROWS if self._reselection is None else self._reselection.rows

    @property
    def _most_bytes(self) -> int:
        return self._settings.queue_bytes // BATCH_SHARE

    def _check_file(self) -> None:
        """Refuse a file of the stored name that was made at another time, once the log has told when: RESET begins with the first name again."""
        place, stored = self._decoder.place, self._stored
        if stored is None or not place.created or place.file != stored.file:
            return
        self._stored = None
        if place.created != stored.file_created:
            was, told = (datetime.fromtimestamp(at, UTC) for at in (stored.file_created, place.created))
            raise LogDiverged(
                f"the stored place {stored} is in a file that was begun at {was:%F %T} UTC, and the server's {place.file} was at {told:%F %T}",
                LOG_REPLACED,
            )

    # Statements --------------------------------------------------------------------------------------------------------------------

    async def _statement(self, query: Query) -> AsyncIterator[ChangeBatch]:
        """Do what a statement asks for."""
        decoder = self._decoder
        xa = xa_statement(query)
        if xa is not None:
            async for batch in self._end_xa(xa.verb, xa.xid):
                yield batch
            return
        check_loggable(query, self._settings.tables, f"{decoder.place.file}:{decoder.place.position}")
        # What was told before is not told again; the definitions at the position lack it, however.
        ends_at_offset = self._ends_at_offset()
        if ends_at_offset and self._recovered:
            decoder.end_statement(self._batch)
            return
        repeats = ends_at_offset or decoder.repeats
        told = ChangeBatch() if repeats else self._batch
        effect = self._tracker.apply(query, told, self._origin_of(), self._behind())
        if effect.changed:
            self._forget()
        for table in () if repeats else effect.truncated:
            self._truncate(table)
        info = Transaction(self._name(), len(self._batch), decoder.commit_us, decoder.place.position)
        decoder.end_statement(self._batch)
        if effect.truncated and not repeats and not decoder.in_transaction:
            self._batch.transactions.append(info)

    def _forget(self) -> None:
        """Let the decoder ask anew how rows are decoded."""
        self._decoder.forget()
        if self._reselection is not None:
            self._reselection.retire()

    def _ends_at_offset(self) -> bool:
        """Tell whether the statement at hand ends where Debezium's offset stands, whose place is behind a statement that its GTIDs lack."""
        return self._debeziums == (self._decoder.place.file, self._decoder.place.position)

    def _name(self) -> str:
        decoder = self._decoder
        return (
            str(decoder.gtid)
            if decoder.gtid is not None
            else f"{decoder.place.begin_file}:{decoder.place.begin_position}"
        )

    def _truncate(self, table: TableId) -> None:
        definition = self._tracker.definitions.get(table.schema, table.table)
        if definition is not None and self._settings.tables.matches(table.schema, table.table):
            self._decoder.truncate(self._plans.selected(definition), self._batch)

    def _origin_of(self) -> ChangeOrigin:
        """Return where the statement at hand is from."""
        decoder = self._decoder
        return ChangeOrigin(
            at_us=decoder.commit_us,
            server_id=self._origin.server_id,
            file=decoder.place.begin_file,
            position=decoder.place.begin_position,
            gtid=str(decoder.gtid) if decoder.gtid is not None else None,
            row=max(decoder.last_row, 0),
            thread=decoder.info.thread if decoder.info.thread >= 0 else None,
        )

    def _behind(self) -> MySqlPosition:
        """Return the position behind the statement at hand; of GTIDs it has the one of the statement, which tells what is behind it."""
        decoder = self._decoder
        gtids = str(decoder.gtid) if decoder.gtid is not None and self._position.gtids is not None else None
        return MySqlPosition(
            decoder.place.file,
            decoder.place.position,
            gtids,
            # Debezium's own record could have the first GTID too: it is told by this number then.
            server_id=0 if gtids is not None and is_first(gtids) else self._origin.server_id,
            commit_us=decoder.commit_us,
        )

    # Distributed transactions ------------------------------------------------------------------------------------------------------

    async def _hold(self) -> AsyncIterator[ChangeBatch]:
        """Keep the events of a distributed transaction until the log says what became of it; one of one phase has committed."""
        decoder, prepared = self._decoder, self._decoder.prepared
        place = OpenXa(
            decoder.held.xid,
            decoder.place.begin_file,
            decoder.place.begin_position,
            str(decoder.gtid) if decoder.gtid else "",
        )
        await self._prepared.keep(place, decoder.held.take())
        if prepared is not None:
            self._awaited.pop(place.xid, None)
        if prepared is not None and prepared.one_phase:
            async for batch in self._end_xa(XaVerb.COMMIT, place.xid):
                yield batch
        elif prepared is not None:
            decoder.end_prepared(self._batch)

    async def _end_xa(self, verb: XaVerb, xid: str) -> AsyncIterator[ChangeBatch]:
        """Publish a distributed transaction that has committed, or forget one that was rolled back."""
        decoder = self._decoder
        if verb is XaVerb.COMMIT and self._prepared.knows(xid):
            self._ended.add(xid)
            decoder.begin_held(self._batch)
            async for events in self._prepared.take(xid):
                async for batch in self._decode(decoder.place.file, 0, events):
                    yield batch
            decoder.commit(self._batch)
            if self._batch.continues:
                yield await self._finished()
            return
        if verb is XaVerb.COMMIT and not decoder.place.catching_up:
            raise PrepareUnseen(
                f"the distributed transaction {xid} has committed at {decoder.place.file}:{decoder.place.position}, and it was prepared before the stream"
                " began: its rows are neither in the snapshot nor in the stream",
                "Take a new snapshot: remove the offset (cdc-stream offsets reset), and GRANT XA_RECOVER_ADMIN, by which it sees what is prepared;"
                " without that right, end what XA RECOVER shows before.",
            )
        if verb is not XaVerb.OTHER:
            self._prepared.drop(xid)
            self._awaited.pop(xid, None)
        decoder.end_statement(self._batch)

    # Batches -----------------------------------------------------------------------------------------------------------------------

    async def _finished(self) -> ChangeBatch:
        """Finish the batch, and fill in what its rows lack."""
        batch, ended = self._cut(), self._ended
        if batch.boundary:
            self._ended = set()
        if self._reselection is not None:
            await self._reselection.fill(batch, ended)
        return batch

    def _cut(self) -> ChangeBatch:
        """Finish the batch: give it its position, and remember whether it ends inside a transaction."""
        decoder, batch = self._decoder, self._batch
        inside = decoder.in_transaction and decoder.events > 1
        self._executed.add(decoder.committed.take())
        self._position = MySqlPosition(
            file=decoder.place.begin_file if inside else decoder.place.resume_file,
            pos=decoder.place.begin_position if inside else decoder.place.resume_position,
            gtids=self._executed.text,
            server_uuid=self._origin.uuid,
            server_id=self._origin.server_id,
            commit_us=decoder.commit_us or self._position.commit_us,
            partial=self._partial() if inside else None,
            counts=tuple(decoder.counts.items()) if inside else (),
            open_xa=self._open_xa(),
            file_created=decoder.place.created if inside else decoder.place.resume_created,
        )
        batch.position = self._position
        batch.boundary = not inside
        self._began = decoder.ordinal if inside else 0
        decoder.cut()
        self._batch = self._new_batch()
        return batch

    def _open_xa(self) -> tuple[OpenXa, ...]:
        """Return the distributed transactions that wait, also those of the stored position that the dump has not come to again."""
        return (*self._awaited.values(), *(each for each in self._prepared.open if each.xid not in self._awaited))

    def _partial(self) -> Partial:
        decoder = self._decoder
        gtid = str(decoder.gtid) if decoder.gtid is not None else ""
        file, pos = ("", 0) if gtid else (decoder.place.begin_file, decoder.place.begin_position)
        return Partial(decoder.events, decoder.rows_taken, gtid, file, pos, decoder.ordinal)

    def _new_batch(self) -> ChangeBatch:
        batch = ChangeBatch(self._settings.tombstones_on_delete, not self._settings.skip_unchanged)
        batch.stamp_ns = time.time_ns()
        batch.continues = self._began
        return batch
