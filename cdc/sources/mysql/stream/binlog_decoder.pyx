"""The decoder of a binlog: which events make which transaction, and which rows of it are published.

Formats: the MySQL source documentation, "Binlog Event" (`Gtid_event`, `Query_event`, `Rows_event`, `Transaction_payload_event`). It does no I/O:
whole events without checksum go in, rows of a `ChangeBatch` come out.
"""

from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint64_t
from libc.string cimport memcmp

from cdc.model.batch cimport ChangeBatch
from cdc.sources.columns.row cimport RowPlan
from cdc.sources.mysql.stream.committed_runs cimport CommittedRuns
from cdc.sources.mysql.stream.held_events cimport HeldEvents
from cdc.sources.mysql.stream.log_place cimport LogPlace
from cdc.sources.mysql.binlog.reading cimport unsigned_at
from cdc.sources.mysql.stream.rows cimport BoundTable, RowsDecoder
from cdc.sources.mysql.stream.savepoints cimport Savepoints, savepoint_name
from cdc.sources.mysql.schema.source_info cimport SourceInfo
from cdc.sources.numbering cimport TransactionNumbers

from cdc.errors import DecodeError, LogIncident, StatementLogged
from cdc.model.event import Transaction
from cdc.sources.mysql.binlog.compression import expand_rows
from cdc.sources.mysql.binlog.events import (
    FormatDescription,
    GtidEvent,
    Incident,
    MariaDbGtidEvent,
    Query,
    RowsQuery,
    XaPrepare,
    parse_event,
)
from cdc.sources.mysql.binlog.gtid import LAST_NUMBER, Gtid
from cdc.sources.mysql.binlog.payload import inner_events
from cdc.sources.mysql.binlog.xa import xid_of

cdef enum:
    HEADER = 19
    TYPE_AT = 4
    FLAGS_AT = 17
    ARTIFICIAL = 0x20
    QUERY = 2
    ROTATE = 4
    FORMAT_DESCRIPTION = 15
    XID = 16
    TABLE_MAP = 19
    GTID = 33
    ANONYMOUS_GTID = 34
    XA_PREPARE = 38
    PAYLOAD = 40
    EXECUTE_LOAD_QUERY = 18
    PREPARED_XA = 64  # a flag of MariaDB's GTID
    GTID_BODY = 42  # flags, UUID, number, kind of clock and two clock values
    QUERY_FIXED = 13  # thread, time, and the sizes of what follows


cdef uint64_t LATEST = INT64_MAX // 1000  # microseconds that nanoseconds of 64 bits reach


cdef inline bint has_rows(uint8_t kind) noexcept:
    """Tell whether an event has rows: WRITE, UPDATE or DELETE of either version, or PARTIAL_UPDATE."""
    return 30 <= kind <= 32 or 23 <= kind <= 25 or kind == 39


cdef inline bint has_compressed_rows(uint8_t kind) noexcept:
    """Tell whether an event has rows that MariaDB has compressed."""
    return 166 <= kind <= 171


cdef class BinlogDecoder:
    """Decodes the events of one dump into batches.

    `partial` tells of a transaction that was published in part (see `Partial`); that part is passed over. `wants` decides by a source's UUID
    whether its transactions are published. `skipped` holds the letters of operations to leave out. `marks` makes the marks of transactions: none
    without it; if it makes any, changes are numbered, and `counts` are those that the published part of a split transaction has, by
    collection. `queries` says that the source block has the statement. `catch_up` is (file, position), if the dump begins before the stored
    position: of what is before that, only distributed transactions are kept.

    The state that a stored offset needs is public: `place`, where the events stand; `committed`, what has committed; and inside a transaction
    `gtid`, `events`, the events of it that were
    taken from its BEGIN on, `rows_taken`, the rows of the event behind those, `ordinal`, the rows of captured tables seen so far, and `counts`. `last_row` is the number of
    the row that was decoded last, in its event. `held` are the events of a distributed transaction that is not prepared yet. `repeats` says
    that `statement` is in the part that was published before: it changes definitions, and its records are there.
    `commit_us` is the transaction's time in microseconds since the epoch.
    """

    cdef readonly LogPlace place
    cdef readonly HeldEvents held
    cdef readonly CommittedRuns committed
    cdef readonly object gtid
    cdef readonly int64_t commit_us
    cdef readonly int64_t events
    cdef readonly int64_t rows_taken
    cdef readonly int64_t ordinal
    cdef readonly int64_t last_row
    cdef readonly bint in_transaction
    cdef readonly object statement
    cdef readonly bint repeats
    cdef readonly object prepared
    cdef readonly SourceInfo info
    cdef RowsDecoder rows
    # the transaction at hand
    cdef bint open        # it has a BEGIN, so it ends with a commit
    cdef bint ignored
    cdef bint barren      # its statement has no effect
    cdef bint spans       # it began in an earlier batch
    cdef bint replaying   # its events were held back
    cdef int64_t pass_events
    cdef int64_t pass_rows
    cdef int64_t pass_ordinal
    cdef Savepoints savepoints
    # events inside a compressed transaction
    cdef object inner
    cdef list inside
    cdef Py_ssize_t inside_at
    cdef bint old         # it is before the stored position
    # what the configuration says
    cdef object partial
    cdef object wants
    cdef str skipped
    cdef bint skips
    cdef bint queries
    cdef TransactionNumbers numbers
    cdef dict partial_counts
    cdef dict uuids
    cdef bint each_transaction

    def __init__(self, str file="", int64_t position=0, partial=None, wants=None, str skipped="", marks=None, counts=(),
                 bint queries=False, catch_up=None, bint each_transaction=False):
        self.rows = RowsDecoder(skipped)
        self.info = SourceInfo()
        self.place = LogPlace(file, position, catch_up)
        self.partial = partial
        self.wants = wants
        self.skipped = skipped
        self.skips = skipped != ""
        self.numbers = TransactionNumbers(marks)
        self.partial_counts = dict(counts)
        self.queries = queries
        self.each_transaction = each_transaction
        self.committed = CommittedRuns()
        self.held = HeldEvents()
        self.savepoints = Savepoints()
        self.uuids = {}

    @property
    def counts(self):
        """The changes of the transaction at hand by collection, if changes are numbered."""
        return self.numbers.counts

    # What the caller is asked for --------------------------------------------------------------------------------------------------

    @property
    def unresolved(self):
        """The TABLE_MAP whose rows must be bound first; None when none waits."""
        return self.rows.unresolved

    def bind(self, BoundTable table):
        """Say how the rows of `unresolved` are decoded; with None they are passed over."""
        self.rows.bind(table)

    def forget(self):
        """Forget how rows are decoded, because definitions have changed."""
        self.rows.forget()

    def end_statement(self, ChangeBatch batch not None):
        """Go on behind `statement`; it ends its transaction unless that has a BEGIN."""
        self.statement = None
        if not self.open:
            self.commit(batch)

    def begin_held(self, ChangeBatch batch not None):
        """Begin to decode the events that were held back, as a part of the transaction at hand."""
        self.statement = None
        self.open = True
        self.replaying = True
        self.events = 1
        self._pass_over(batch)

    # Events ------------------------------------------------------------------------------------------------------------------------

    def feed(self, str file, int64_t base, list events not None, Py_ssize_t start, ChangeBatch batch not None, Py_ssize_t max_rows,
             Py_ssize_t max_size):
        """Decode events from `start` on and return the index of the first one that was not taken.

        All are of `file`; an event's `log_pos` counts from `base`. Stops early when `unresolved` names a TABLE_MAP that must be bound first, behind a
        `statement` that the caller must look at (then `end_statement`), behind `prepared`, when the batch holds `max_rows` rows or `max_size` bytes, when as much is held
        back, and at the end of a transaction that began in an earlier batch.
        Raises DecodeError for bytes that do not follow the format, ConversionError under the policy `fail`, and UnknownEvent.
        """
        cdef Py_ssize_t taken = start
        self.prepared = None
        while taken < len(events):
            if self._full(batch, max_rows, max_size):
                break
            if not self.replaying:
                self.place.stand(file, base, events[taken], not self.in_transaction)
            if not self._take(events[taken], batch, max_rows, max_size):
                break
            if not self.replaying:
                self.place.advance(not self.in_transaction)
            taken += 1
            if self.statement is not None or self.prepared is not None or (self.spans and not self.in_transaction):
                self.spans = self.spans and self.in_transaction
                break
        return taken

    cdef bint _full(self, ChangeBatch batch, Py_ssize_t max_rows, Py_ssize_t max_size) except -1:
        if self.each_transaction and not self.in_transaction and len(batch.transactions):
            return True
        return (batch.row_count + len(batch.asides) >= max_rows or batch.arena.size + batch.aside_size >= max_size
                or self.held.size >= max_size)

    def cut(self):
        """Note that a batch ends here. Inside a transaction, the batch with its end then holds nothing that comes after it."""
        self.spans = self.in_transaction
        self.numbers.cut()
        self.savepoints.forget()

    cdef bint _take(self, bytes event, ChangeBatch batch, Py_ssize_t max_rows, Py_ssize_t max_size) except -1:
        """Take an event, and tell whether that was done; False leaves it to the next call."""
        cdef uint8_t kind
        if self.inner is None:
            kind = (<const unsigned char *> event)[TYPE_AT]
            if kind != PAYLOAD or self.held.open:
                return self._event(kind, event, batch, max_rows, max_size)
            self.inner, self.inside, self.inside_at = inner_events(event), [], 0
        return self._take_inside(batch, max_rows, max_size)

    cdef bint _take_inside(self, ChangeBatch batch, Py_ssize_t max_rows, Py_ssize_t max_size) except -1:
        """Take the events inside a compressed transaction."""
        cdef bytes event
        while True:
            while self.inside_at < len(self.inside):
                event = self.inside[self.inside_at]
                if self._full(batch, max_rows, max_size):
                    return False
                if not self._event((<const unsigned char *> event)[TYPE_AT], event, batch, max_rows, max_size):
                    return False
                self.inside_at += 1
                if self.statement is not None:
                    return False
            self.inside = next(self.inner, None)
            self.inside_at = 0
            if self.inside is None:
                self.inner = None
                return True

    cdef bint _event(self, uint8_t kind, bytes event, ChangeBatch batch, Py_ssize_t max_rows, Py_ssize_t max_size) except -1:
        if self.held.open:
            return self._hold(kind, event)
        if has_rows(kind):
            return self._rows(event, batch, max_rows, max_size)
        if kind == TABLE_MAP:
            if not self.ignored and not self.rows.take_map(event):
                return False
            self.events += 1
            return True
        if kind == GTID or kind == ANONYMOUS_GTID:
            return self._gtid(kind, event, batch)
        if kind == QUERY:
            return self._query(event, batch)
        if kind == XID:
            self.commit(batch)
            return True
        return self._other(kind, event, batch, max_rows, max_size)

    cdef bint _other(self, uint8_t kind, bytes event, ChangeBatch batch, Py_ssize_t max_rows, Py_ssize_t max_size) except -1:
        """Take an event that is not of the hot path."""
        if has_compressed_rows(kind):
            return self._rows(event if self.ignored else expand_rows(event), batch, max_rows, max_size)
        if kind == EXECUTE_LOAD_QUERY and not self.ignored:
            raise StatementLogged(
                f"the binlog has LOAD DATA as a statement at {self.place.file}:{self.place.event_start}, without the rows",
                "Set binlog_format=ROW at the server and for all of its sessions, and take a new snapshot.",
            )
        found = parse_event(event)
        if isinstance(found, GtidEvent):
            self._begin(event, found.original_commit_us)
            self._name(found.gtid)
        elif isinstance(found, MariaDbGtidEvent):
            self._begin(event, 0)
            self._name(found.gtid)
            self.barren = found.changes_nothing
            if found.flags & PREPARED_XA:
                self.held.begin(xid_of(found.xa.format_id, found.xa.global_id, found.xa.branch))
            elif not found.standalone:
                self._open(-1, batch)
        elif isinstance(found, Query):
            return self._statement(found, event, batch)
        elif isinstance(found, XaPrepare):
            self.commit(batch)  # in one phase: the rows were not held back
        elif isinstance(found, RowsQuery):
            if self.queries:
                self.info.query = found.text
            self.events += 1
        elif isinstance(found, FormatDescription):
            self._new_file(event, batch)
        elif isinstance(found, Incident):
            raise self._incident(found)
        elif self.in_transaction:
            self.events += 1
        return True

    cdef int _new_file(self, bytes event, ChangeBatch batch) except -1:
        """Give up a transaction that the file before has no end of: the server crashed while it wrote that, and has rolled it back."""
        if self.in_transaction and not (<const unsigned char *> event)[FLAGS_AT] & ARTIFICIAL:
            self.gtid = None
            self._rollback(b"ROLLBACK", batch)
        return 0

    cdef object _incident(self, found):
        return LogIncident(
            f"the binlog tells of an incident at {self.place.file}:{self.place.event_start}: {found.message or found.number}; changes may be missing",
            "Take a new snapshot, as the server lost changes on their way to its log.",
        )

    # Transactions ------------------------------------------------------------------------------------------------------------------

    cdef bint _gtid(self, uint8_t kind, bytes event, ChangeBatch batch) except -1:
        cdef const unsigned char *data = <const unsigned char *> event
        cdef uint64_t original = 0
        cdef bytes sid
        if len(event) < HEADER + 25:
            raise DecodeError("a GTID event ends inside its identifier", event, len(event))
        if len(event) >= HEADER + GTID_BODY + 7 and data[HEADER + 25] == 2:
            original = unsigned_at(data + HEADER + GTID_BODY, 7)
            if original >> 55:
                if len(event) < HEADER + GTID_BODY + 14:
                    raise DecodeError("a GTID event ends inside its times", event, len(event))
                original = unsigned_at(data + HEADER + GTID_BODY + 7, 7)
        self._begin(event, original)
        if kind == GTID:
            sid = event[HEADER + 1 : HEADER + 17]
            uuid = self.uuids.get(sid)
            if uuid is None:
                uuid = self.uuids[sid] = _uuid(sid)
            self._name(Gtid(uuid, "", unsigned_at(data + HEADER + 17, 8)))
        return True

    cdef int _begin(self, bytes event, uint64_t original_us) except -1:
        """Begin a transaction, whose time its source tells or else the header of its first event."""
        cdef const unsigned char *data = <const unsigned char *> event
        if original_us > LATEST:
            raise DecodeError(f"a transaction says that it committed {original_us} microseconds after 1970", event, 0)
        if self.in_transaction:
            raise DecodeError(f"a transaction begins inside another at {self.place.file}:{self.place.event_start}", event, 0)
        self.place.begin()
        self.in_transaction = True
        self.open = False
        self.barren = False
        self.old = self.place.catch_up is not None
        self.ignored = self.old
        self.gtid = None
        self.commit_us = <int64_t> original_us if original_us else <int64_t> unsigned_at(data, 4) * 1_000_000
        self.ordinal = 0
        self.events = 0
        self.rows_taken = 0
        self.info.commit_us = self.commit_us
        self.info.gtid = None
        self.info.query = None
        self.info.thread = -1
        self.info.file = self.place.file_bytes
        self.pass_events = self.pass_rows = self.pass_ordinal = 0
        return 0

    cdef int _name(self, object gtid) except -1:
        """Note the GTID of the transaction that begins."""
        self.gtid = gtid
        if gtid is None:
            return 0
        if not 0 < gtid.number <= LAST_NUMBER and isinstance(gtid, Gtid):
            raise DecodeError(f"{gtid} is no GTID of a transaction", b"", 0)
        self.info.gtid = str(gtid).encode()
        if self.wants is not None and isinstance(gtid, Gtid):
            self.ignored = self.old or not self.wants(gtid.uuid)
        return 0

    cdef int _open(self, int64_t thread, ChangeBatch batch) except -1:
        """Take the BEGIN of a transaction, of which rows follow."""
        self.open = True
        self.events = 1
        self.info.thread = thread
        self._pass_over(batch)
        return 0

    cdef int _pass_over(self, ChangeBatch batch) except -1:
        """Find out what of the transaction was published before, and begin to number."""
        partial = self.partial
        self.spans = False
        if partial is not None and not self.ignored and partial.is_of(self.gtid, self.place.begin_file, self.place.begin_position):
            self.partial = None
            self.spans = True
            batch.continues = partial.ordinal
            if partial.events:
                self.pass_events, self.pass_rows, self.ordinal = partial.events, partial.rows, partial.ordinal
            else:
                self.pass_ordinal = partial.ordinal
        if self.numbers.wanted:
            name = self.info.gtid or b"file=%b,pos=%d" % (self.place.begin_file.encode(), self.place.begin_position)
            self.numbers.begin(name, self.commit_us, dict(self.partial_counts) if self.spans else {})
        self.savepoints.forget()
        return 0

    cdef int _note_begin(self, ChangeBatch batch) except -1:
        """Remember where in the batch the transaction's rows begin, for a rollback."""
        if self.savepoints.begun_row < 0 and not self.spans:
            self.savepoints.begin(batch)
        return 0

    cpdef int commit(self, ChangeBatch batch) except -1:
        """End the transaction at hand."""
        cdef object gtid = self.gtid
        if not self.in_transaction:
            return 0
        if self.open and not self.ignored:
            self.numbers.end(batch)
            name = str(gtid) if gtid is not None else f"{self.place.begin_file}:{self.place.begin_position}"
            batch.transactions.append(Transaction(name, batch.row_count, self.commit_us, self.place.event_end))
        self.committed.note(gtid)
        self.place.settle()
        self.in_transaction = False
        self.open = False
        self.replaying = False
        self.gtid = None
        self.savepoints.forget()
        batch.boundary = True
        return 0

    # Statements --------------------------------------------------------------------------------------------------------------------

    cdef bint _query(self, bytes event, ChangeBatch batch) except -1:
        """Take a statement: BEGIN and COMMIT here, the others by whoever feeds."""
        cdef const unsigned char *data = <const unsigned char *> event
        cdef Py_ssize_t size = len(event), at
        if size < HEADER + QUERY_FIXED:
            raise DecodeError("a QUERY event ends in its fixed part", event, size)
        at = HEADER + QUERY_FIXED + data[HEADER + 8] + unsigned_at(data + HEADER + 11, 2) + 1
        if size - at == 5 and memcmp(data + at, b"BEGIN", 5) == 0:
            if not self.in_transaction:
                self._begin(event, 0)  # a server without GTID events
            self._open(<int64_t> unsigned_at(data + HEADER, 4), batch)
            self._note_begin(batch)
            return True
        if size - at == 6 and memcmp(data + at, b"COMMIT", 6) == 0:
            self.commit(batch)
            return True
        return self._statement(parse_event(event), event, batch)

    cdef bint _statement(self, object query, bytes event, ChangeBatch batch) except -1:
        """Take a statement that is no BEGIN and no COMMIT."""
        cdef bytes text = query.text.lstrip()
        cdef bytes word = text[:12].upper()
        self.repeats = False
        if not self.in_transaction:
            self._begin(event, 0)
        if self.barren:
            self.commit(batch)
            return True
        if word.startswith(b"XA START") or word.startswith(b"XA BEGIN"):
            self.held.begin(text[8:].decode("utf-8", "replace"))
            return True
        if self.open:
            passed = self.events < self.pass_events or self.pass_ordinal > 0
            self.events += 1
            if word.startswith(b"SAVEPOINT"):
                if not passed:
                    self.savepoints.keep(text, batch, self.numbers.state())
                return True
            if word.startswith(b"ROLLBACK"):
                if not passed:
                    self._rollback(text, batch)
                return True
            self.repeats = passed
        elif self.old and not word.startswith(b"XA "):
            self.commit(batch)
            return True
        self.statement = query
        return True

    cdef int _rollback(self, bytes text, ChangeBatch batch) except -1:
        """Take back what the transaction, or its part since a savepoint, has put into the batch.

        The log has a rollback only where the transaction also did what cannot be undone, such as dropping a temporary table.
        """
        name = savepoint_name(text)
        point = self.savepoints.find(name)
        if point is None and self.ordinal:
            raise DecodeError(f"a transaction of which rows are published is rolled back at {self.place.file}:{self.place.event_start}", text, 0)
        if point is not None:
            row, aside, state = point
            self.numbers.restore(state)
            batch.take_back(row, aside)
        if not name:
            self.commit(batch)
        return 0

    # Distributed transactions ------------------------------------------------------------------------------------------------------

    cdef bint _hold(self, uint8_t kind, bytes event) except -1:
        """Keep the events of a distributed transaction until it is prepared."""
        if kind != XA_PREPARE:
            self.held.keep(event)
            return True
        self.prepared = parse_event(event)
        self.held.end(xid_of(self.prepared.xa.format_id, self.prepared.xa.global_id, self.prepared.xa.branch))
        return True

    def end_prepared(self, ChangeBatch batch not None):
        """Go on behind `prepared`: the transaction waits for the statement that commits it."""
        self.prepared = None
        if not self.open:
            self.committed.note(self.gtid)
            self.in_transaction = False
            self.gtid = None
            self.place.settle()

    # Rows --------------------------------------------------------------------------------------------------------------------------

    cdef bint _rows(self, bytes event, ChangeBatch batch, Py_ssize_t max_rows, Py_ssize_t max_size) except -1:
        """Decode the rows of an event; False when the batch is full and some are left."""
        cdef bint done
        if self.ignored or self.events < self.pass_events:
            self.events += 1
            return True
        if not self.in_transaction:
            raise DecodeError("rows stand outside a transaction", event, 0)
        if not self.rows.open:
            if not self._open_rows(event):
                self.events += 1
                self.rows_taken = 0
                return True
        done = self._feed_rows(batch, max_rows, max_size)
        if done:
            self.events += 1
            self.rows_taken = 0
        else:
            self.rows_taken = self.rows.row
        return done

    cdef bint _open_rows(self, bytes event) except -1:
        """Open an event of rows behind those that were published before; False when none is left or none is wanted."""
        cdef const unsigned char *data = <const unsigned char *> event
        cdef int64_t passed = 0
        cdef BoundTable bound = self.rows.begin(event)
        if bound is None:
            return False
        if self.skips and bound.row_end < 0 and self.rows.operation in self.skipped:
            return self.rows.skip(1 << 62)
        self.info.pos = self.place.event_start
        self.info.server_id = unsigned_at(data + 5, 4)
        if self.events == self.pass_events and self.pass_rows:
            passed = self.pass_rows
            self.pass_rows = 0
        if not passed:
            return True
        return self.rows.skip(passed)

    cdef bint _feed_rows(self, ChangeBatch batch, Py_ssize_t max_rows, Py_ssize_t max_size) except -1:
        cdef int64_t first = batch.row_count, began = self.rows.row
        cdef bint done
        if self.pass_ordinal:
            more = self.rows.skip(self.pass_ordinal)
            self.pass_ordinal -= self.rows.row - began
            self.ordinal += self.rows.row - began
            if not more:
                return True
            began = self.rows.row
        self._note_begin(batch)
        done = self.rows.feed(batch, self.info, max_rows, max_size)
        self.ordinal += self.rows.row - began
        self.last_row = self.rows.row - 1
        self.numbers.number(first, batch)
        return done

    def truncate(self, RowPlan plan not None, ChangeBatch batch not None):
        """Add the truncation of a table, unless those are left out; as in Debezium, its row is that of the row before it."""
        cdef int64_t first = batch.row_count
        if self.ignored or plan.table is None or (self.skips and "t" in self.skipped):
            return
        self.info.pos = self.place.event_start
        self.info.share(batch)
        batch.truncate(batch.use_table(plan.table), self.info.put(batch, max(self.last_row, 0)))
        if self.open:
            self.numbers.number(first, batch)


cdef str _uuid(bytes sid):
    """Return the text of a server's UUID."""
    text = sid.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
