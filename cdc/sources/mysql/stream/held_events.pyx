"""The events of a distributed transaction that is not prepared yet."""

from cdc.sources.mysql.binlog.xa import canonical_xid

cdef enum:
    OBJECT = 64  # what a kept event takes beside its bytes


cdef class HeldEvents:
    """The events that are held back; see the stub."""

    def __init__(self):
        self.events = []

    cdef int begin(self, str xid) except -1:
        """Hold the events back that follow, of a transaction that a statement or an event names."""
        self.open = True
        self.events, self.size = [], 0
        self.xid = canonical_xid(xid)
        return 0

    cdef int keep(self, bytes event) except -1:
        self.events.append(event)
        self.size += len(event) + OBJECT
        return 0

    cdef int end(self, str xid) except -1:
        """Note that the transaction is prepared, by the name that is told then."""
        self.open = False
        self.xid = xid
        return 0

    def take(self):
        events, self.events, self.size = self.events, [], 0
        return events
