"""The decoder of PostgreSQL's logical replication stream with the pgoutput plugin, protocol version 1.

Formats: the PostgreSQL manual, "Streaming Replication Protocol" (XLogData, keepalive) and "Logical Replication Message Formats". It
does no I/O: messages go in, rows of a `ChangeBatch` come out.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memchr

from cdc.model.batch cimport ABSENT_CELL, NULL_CELL, UNAVAILABLE_CELL, ChangeBatch
from cdc.sources.columns.row cimport RowPlan
from cdc.sources.numbering cimport TransactionNumbers
from cdc.sources.postgres.wal.source_info cimport SourceInfo

from cdc.errors import DecodeError
from cdc.model.event import Transaction
from cdc.sources.postgres.wal.logical_message import LogicalMessage
from cdc.sources.postgres.wal.relation import Relation, RelationColumn
from cdc.sources.columns.values import UnknownLabel

# PostgreSQL counts microseconds from 2000-01-01.
cdef int64_t EPOCH_US = 946_684_800_000_000

cdef struct View:
    const unsigned char *data
    Py_ssize_t at
    Py_ssize_t size


cdef object truncated(View *view, str what):
    return DecodeError(f"a pgoutput message ends inside {what}", view.data[: view.size], view.at)


cdef inline int need(View *view, Py_ssize_t count, str what) except -1:
    if view.size - view.at < count:
        raise truncated(view, what)
    return 0


cdef inline uint8_t read_byte(View *view) except? 255:
    need(view, 1, "a byte")
    view.at += 1
    return view.data[view.at - 1]


cdef inline int16_t read_int16(View *view) except? -1:
    need(view, 2, "a 16-bit number")
    cdef const unsigned char *p = view.data + view.at
    view.at += 2
    return <int16_t> (p[0] << 8 | p[1])


cdef inline uint32_t read_int32(View *view) except? 0xFFFFFFFF:
    need(view, 4, "a 32-bit number")
    cdef const unsigned char *p = view.data + view.at
    view.at += 4
    return <uint32_t> p[0] << 24 | <uint32_t> p[1] << 16 | <uint32_t> p[2] << 8 | p[3]


cdef inline int64_t read_int64(View *view) except? -1:
    cdef int64_t high = read_int32(view)
    return high << 32 | <int64_t> read_int32(view)


cdef str read_name(View *view):
    cdef const unsigned char *start = view.data + view.at
    cdef const unsigned char *end = <const unsigned char *> memchr(start, 0, view.size - view.at)
    if end == NULL:
        raise truncated(view, "a name")
    view.at += end - start + 1
    return start[: end - start].decode("utf-8", "replace")


cdef class PgOutputDecoder:
    """Decodes the stream of one slot into batches.

    `resume_lsn` is where the stored offset says to go on: transactions that committed before it are passed over. `partial` is (commit LSN,
    number of changes) of a transaction that was published in part; those changes are passed over too. `visible` decides for a
    transaction id whether a snapshot that was taken without the slot has seen it already. `skipped` holds the letters of operations to leave out.
    `beside` makes the records beside the rows: none without it. If it marks transactions, changes are numbered, and `counts` are those that the
    published part of a split transaction has, by collection. With `local_only`, what another server's replication brought is left out.

    The state that a stored offset needs is public: `resume_lsn` (the end of the last whole transaction, or of the log when the stream
    is idle), `last_commit`, `xid`, `commit_us`, `event_lsn`, `operation`; and inside a transaction `commit_lsn`, `ordinal`, the changes seen so far,
    and `counts`, the events by collection.
    """

    cdef readonly int64_t resume_lsn
    cdef readonly int64_t last_commit
    cdef readonly int64_t commit_lsn
    cdef readonly int64_t commit_us
    cdef readonly int64_t event_lsn
    cdef readonly int64_t ordinal
    cdef readonly int64_t xid
    cdef readonly int64_t server_end
    cdef readonly str operation
    cdef readonly bint in_transaction
    cdef readonly bint reply_requested
    cdef readonly object unresolved
    cdef readonly str skipped
    cdef dict plans
    cdef dict relations
    cdef uint32_t relation
    cdef Py_ssize_t renewed
    cdef Py_ssize_t taken
    cdef Py_ssize_t noted
    cdef SourceInfo info
    cdef object visible
    cdef int64_t partial_lsn
    cdef int64_t partial_ordinal
    cdef int64_t pass_over
    cdef bint ignored
    cdef bint skips
    cdef bint spans
    cdef bint local_only
    cdef object beside
    cdef dict partial_counts
    cdef TransactionNumbers numbers

    def __init__(self, int64_t resume_lsn=0, partial=None, visible=None, str skipped="", int64_t last_commit=0, beside=None,
                 counts=(), bint local_only=False):
        self.resume_lsn = resume_lsn
        self.last_commit = last_commit
        self.partial_lsn, self.partial_ordinal = partial or (-1, 0)
        self.visible = visible
        self.skipped = skipped
        self.skips = skipped != ""
        self.plans = {}
        self.relations = {}
        self.renewed = -1
        self.info = SourceInfo()
        self.beside = beside
        self.partial_counts = dict(counts)
        self.numbers = TransactionNumbers(beside)
        self.local_only = local_only

    @property
    def counts(self):
        return self.numbers.counts

    def bind(self, uint32_t oid, RowPlan plan not None):
        """Say how rows of a relation are decoded, in answer to `unresolved`."""
        self.plans[oid] = plan
        self.unresolved = None

    def replied(self):
        """Note that the server's request for a reply was answered."""
        self.reply_requested = False

    def feed(self, list messages not None, Py_ssize_t start, ChangeBatch batch not None, Py_ssize_t max_rows, Py_ssize_t max_size):
        """Decode CopyData messages from `start` on and return the index of the first one that was not taken.

        Stops early when `unresolved` names a relation that must be bound first (one that is new, or one whose enums have grown), when the batch holds `max_rows` rows or `max_size`
        bytes, and at the end of a transaction that began in an earlier batch.
        Raises DecodeError for bytes that do not follow the protocol and ConversionError under the policy `fail`.
        """
        self.taken = start
        while True:
            try:
                return self._feed(messages, batch, max_rows, max_size)
            except UnknownLabel as unknown:
                # No message says that an enum has grown. The row is decoded again, when the catalogue has been asked.
                del batch.problems[self.noted :]
                self.ordinal -= 1
                if self.taken != self.renewed:
                    self.renewed = self.taken
                    self.unresolved = self.relations[self.relation]
                    return self.taken
                unknown.accept()

    cdef Py_ssize_t _feed(self, list messages, ChangeBatch batch, Py_ssize_t max_rows, Py_ssize_t max_size) except -1:
        cdef Py_buffer data
        cdef View view
        while self.taken < len(messages):
            if batch.row_count + len(batch.asides) >= max_rows or batch.arena.size + batch.aside_size >= max_size:
                break
            self.noted = len(batch.problems)
            PyObject_GetBuffer(messages[self.taken], &data, PyBUF_SIMPLE)
            try:
                view = View(<const unsigned char *> data.buf, 0, data.len)
                self._message(&view, batch)
            finally:
                PyBuffer_Release(&data)
            self.taken += 1
            if self.unresolved is not None or (self.spans and not self.in_transaction):
                self.spans = self.spans and self.in_transaction
                break
        self.renewed = -1
        return self.taken

    def cut(self):
        """Note that a batch ends here. Inside a transaction, the batch with its end then holds nothing that comes after it."""
        self.spans = self.in_transaction
        self.numbers.cut()

    cdef int _message(self, View *view, ChangeBatch batch) except -1:
        cdef uint8_t kind = read_byte(view)
        cdef int64_t start, end
        if kind == b"w":
            start = read_int64(view)
            end = read_int64(view)
            read_int64(view)
            if end > self.server_end:
                self.server_end = end
            return self._change(view, start, batch)
        if kind == b"k":
            return self._keepalive(view)
        raise DecodeError(f"the replication stream has a message of unknown kind {kind:#04x}", view.data[: view.size], 0)

    cdef int _keepalive(self, View *view) except -1:
        """Take the server's position. Outside a transaction all before it has been received, so the position moves along."""
        cdef int64_t end = read_int64(view)
        read_int64(view)
        if read_byte(view):
            self.reply_requested = True
        if end > self.server_end:
            self.server_end = end
        if not self.in_transaction and end > self.resume_lsn:
            self.resume_lsn = end
        return 0

    cdef int _change(self, View *view, int64_t lsn, ChangeBatch batch) except -1:
        cdef uint8_t kind = read_byte(view)
        if kind == b"I" or kind == b"U" or kind == b"D":
            return self._row(kind, view, lsn, batch)
        if kind == b"B":
            return self._begin(view)
        if kind == b"C":
            return self._commit(view, batch)
        if kind == b"R":
            self.unresolved = self._relation(view)
            self.relations[self.unresolved.oid] = self.unresolved
            return 0
        if kind == b"T":
            return self._truncate(view, lsn, batch)
        if kind == b"O":
            self.info.origin_lsn = read_int64(view)
            self.info.origin = read_name(view).encode()
            self.ignored = self.ignored or self.local_only
            return 0
        if kind == b"M":
            return self._logical_message(view, batch)
        if kind == b"Y":
            return 0  # the names of types are read from the catalogue
        raise DecodeError(f"pgoutput sent a message of unknown kind {kind:#04x}", view.data[: view.size], view.at - 1)

    cdef int _begin(self, View *view) except -1:
        if self.in_transaction:
            raise DecodeError("a transaction begins inside another", view.data[: view.size], view.at)
        self.commit_lsn = read_int64(view)
        self.commit_us = read_int64(view) + EPOCH_US
        self.xid = read_int32(view)
        self.in_transaction = True
        self.ordinal = 0
        self.ignored = self.commit_lsn < self.resume_lsn or (self.visible is not None and self.visible(self.commit_lsn, self.xid))
        self.pass_over = self.partial_ordinal if self.commit_lsn == self.partial_lsn else 0
        self.spans = self.pass_over > 0
        self.info.xid = self.xid
        self.info.commit_us = self.commit_us
        self.info.last_commit = self.last_commit
        self.info.origin = None
        if self.numbers.wanted:
            counts = dict(self.partial_counts) if self.pass_over else {}
            self.numbers.begin(b"%d:%d" % (self.xid, self.commit_lsn), self.commit_us, counts)
        return 0

    cdef int _commit(self, View *view, ChangeBatch batch) except -1:
        cdef int64_t end
        if not self.in_transaction:
            raise DecodeError("a commit has no transaction before it", view.data[: view.size], view.at)
        read_byte(view)
        read_int64(view)
        end = read_int64(view)
        self.in_transaction = False
        if not self.ignored:
            self.numbers.end(batch)
            batch.transactions.append(Transaction(f"{self.xid}:{end}", batch.row_count, self.commit_us, end))
            self.last_commit = end
        if end > self.resume_lsn:
            self.resume_lsn = end
        batch.boundary = True
        return 0

    cdef object _relation(self, View *view):
        cdef uint32_t oid = read_int32(view)
        schema, table = read_name(view), read_name(view)
        identity = chr(read_byte(view))
        columns = []
        count = read_int16(view)
        if count < 0:
            raise DecodeError(f"relation {schema}.{table} has {count} columns", view.data[: view.size], view.at - 2)
        for _ in range(count):
            key = read_byte(view) & 1
            name = read_name(view)
            type_oid = read_int32(view)
            columns.append(RelationColumn(name, type_oid, <int32_t> read_int32(view), key == 1))
        return Relation(oid, schema or "pg_catalog", table, identity, tuple(columns))

    cdef bint _passed(self, str operation) except -1:
        """Count a change, and tell whether it is to be left out."""
        if not self.in_transaction:
            raise DecodeError("a change stands outside a transaction")
        self.ordinal += 1
        return self.ignored or self.ordinal <= self.pass_over or (self.skips and operation in self.skipped)

    cdef RowPlan _plan(self, View *view):
        cdef uint32_t oid = read_int32(view)
        plan = self.plans.get(oid)
        if plan is None:
            raise DecodeError(f"a change is of relation {oid}, which was not described before", view.data[: view.size], view.at)
        self.relation = oid
        return plan

    cdef int _row(self, uint8_t kind, View *view, int64_t lsn, ChangeBatch batch) except -1:
        cdef RowPlan plan = self._plan(view)
        cdef int64_t before = -1, after = -1
        cdef uint8_t mark
        cdef str operation = "c" if kind == b"I" else "u" if kind == b"U" else "d"
        if self._passed(operation) or plan.table is None:
            return 0
        mark = read_byte(view)
        if mark == b"K" or mark == b"O":
            before = self._tuple(view, plan, batch, mark == b"K")
            mark = read_byte(view) if kind == b"U" else 0
        if kind != b"D":
            if mark != b"N":
                raise DecodeError(f"a new row begins with {mark:#04x} and not with 'N'", view.data[: view.size], view.at - 1)
            after = self._tuple(view, plan, batch, False)
        elif before < 0:
            raise DecodeError(f"a delete begins with {mark:#04x} and not with an old row", view.data[: view.size], view.at - 1)
        # The rows say under which definition they were written, so the table comes last.
        return self._emit(kind, operation, batch.use_table(plan.table), before, after, lsn, batch)

    cdef int _emit(self, uint8_t kind, str operation, int32_t table, int64_t before, int64_t after, int64_t lsn,
                   ChangeBatch batch) except -1:
        cdef int64_t source = self.info.put(batch, lsn), first = batch.row_count
        self.event_lsn = lsn
        self.operation = operation
        batch.boundary = False
        if kind == b"I":
            batch.insert(table, after, source)
        elif kind == b"U":
            batch.update(table, before, after, source)
        else:
            batch.delete(table, before, source)
        return self.numbers.number(first, batch)

    cdef int _logical_message(self, View *view, ChangeBatch batch) except -1:
        cdef bint transactional = read_byte(view) & 1
        cdef int64_t lsn = read_int64(view)
        cdef uint32_t size
        cdef object place = None
        prefix = read_name(view)
        size = read_int32(view)
        need(view, size, "the content of a logical message")
        if self._message_passed(transactional, lsn) or self.beside is None or not self.beside.wants(prefix):
            return 0
        if transactional and self.numbers.wanted:
            of_collection = self.numbers.count(self.beside.message_collection, batch.row_count, batch)
            place = self.numbers.id.decode(), self.numbers.total, of_collection
        if transactional:
            batch.boundary = False
        self.event_lsn = lsn
        self.operation = "m"
        self.beside.message(batch, LogicalMessage(
            prefix, view.data[view.at : view.at + size], lsn, self.last_commit, self.xid if transactional else None,
            self.commit_us if transactional else None, self.info.origin if transactional else None, self.info.origin_lsn, place,
        ))
        return 0

    cdef bint _message_passed(self, bint transactional, int64_t lsn) except -1:
        """Tell whether a message is to be left out. One outside of transactions has its place in the log, and the position moves there."""
        if transactional:
            return self._passed("m")
        if lsn <= self.resume_lsn:
            return True
        self.resume_lsn = lsn
        return False

    cdef int64_t _tuple(self, View *view, RowPlan plan, ChangeBatch batch, bint key_only) except -1:
        """Read TupleData into cells. An old row by key (`K`) has nulls for the columns that it does not carry: they stay absent."""
        cdef Py_ssize_t column, count = read_int16(view)
        cdef int64_t first = plan.begin(batch)
        cdef uint8_t kind, null = ABSENT_CELL if key_only else NULL_CELL
        cdef uint32_t size
        if count != len(plan.targets):
            raise DecodeError(f"a row of {plan.table.id} has {count} columns, its relation {len(plan.targets)}",
                              view.data[: view.size], view.at)
        for column in range(count):
            kind = read_byte(view)
            if kind == b"t":
                size = read_int32(view)
                need(view, size, "a value")
                plan.put(column, <const char *> view.data + view.at, size, batch, first)
                view.at += size
                continue
            if kind == b"n":
                plan.put_missing(column, null, batch, first)
            elif kind == b"u":
                plan.put_missing(column, UNAVAILABLE_CELL, batch, first)
            else:
                raise DecodeError(f"a column value is of unknown kind {kind:#04x}", view.data[: view.size], view.at - 1)
        return first

    cdef int _truncate(self, View *view, int64_t lsn, ChangeBatch batch) except -1:
        cdef uint32_t count = read_int32(view), index
        cdef RowPlan plan
        cdef bint passed = self._passed("t")
        read_byte(view)
        for index in range(count):
            plan = self._plan(view)
            if not passed and plan.table is not None:
                self.event_lsn = lsn
                self.operation = "t"
                batch.boundary = False
                batch.truncate(batch.use_table(plan.table), self.info.put(batch, lsn))
                self.numbers.number(batch.row_count - 1, batch)
        return 0
