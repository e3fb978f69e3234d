"""Where a decoder stands in the log.

Format: the MySQL source documentation, "Binlog Event"; an event tells where it ends in 32 bits.
"""

cimport cython
from libc.stdint cimport int64_t

from cdc.sources.mysql.binlog.reading cimport unsigned_at

from cdc.errors import DecodeError

cdef enum:
    HEADER = 19
    SIZE_AT = 9
    END_AT = 13
    FLAGS_AT = 17
    TYPE_AT = 4
    FORMAT_DESCRIPTION = 15
    ARTIFICIAL = 0x20


@cython.final
cdef class LogPlace:
    """Where the events stand that are taken, from `file` and `position` on; see the stub."""

    def __init__(self, str file not None, int64_t position, catch_up=None):
        self.file = self.resume_file = self.begin_file = file
        self.file_bytes = file.encode()
        self.position = self.resume_position = self.begin_position = position
        self.catch_up = catch_up
        if catch_up is not None:
            self.file = ""  # of where the dump begins, the first events tell

    @property
    def catching_up(self):
        """Whether the dump has not come to the stored position yet."""
        return self.catch_up is not None

    cdef int stand(self, str file, int64_t base, bytes event, bint between) except -1:
        """Note where an event begins and ends in the log; `between` says that it is in no transaction."""
        cdef const unsigned char *data = event
        cdef int64_t end
        if len(event) < HEADER:
            raise DecodeError("a binlog event is shorter than its header", event, len(event))
        end = unsigned_at(data + END_AT, 4)
        if file != self.file and file:
            if self.catch_up is not None and self.file == self.catch_up[0]:
                self.catch_up = None  # the stored position was the end of that file
            self.file, self.file_bytes, self.position, self.created = file, file.encode(), 4, 0
            if between:
                self.resume_file, self.resume_position, self.resume_created = file, 4, 0
        if data[TYPE_AT] == FORMAT_DESCRIPTION:
            self.created = unsigned_at(data, 4)
            if self.resume_file == self.file:
                self.resume_created = self.created
        if end == 0 or data[FLAGS_AT] & ARTIFICIAL:
            self.event_start = self.event_end = self.position
            return 0
        self.event_end = base + end
        self.event_start = self.event_end - <int64_t> unsigned_at(data + SIZE_AT, 4)
        if self.event_start < 0:
            raise DecodeError(f"an event ends at {self.event_end} of {file} and is longer than that", event, END_AT)
        return 0

    cdef int begin(self) except -1:
        """Note that a transaction begins, and whether the dump has come to the stored position."""
        if self.catch_up is not None and self.file == self.catch_up[0] and self.event_start >= self.catch_up[1]:
            self.catch_up = None
        self.begin_file, self.begin_position = self.file, self.event_start
        return 0

    cdef int advance(self, bint between) except -1:
        """Note that the event at hand was taken whole."""
        if self.event_end > self.position:
            self.position = self.event_end
        return self.settle() if between else 0

    cdef int settle(self) except -1:
        """Note that all before the end of the event at hand is whole transactions."""
        self.resume_file, self.resume_position = self.file, max(self.position, self.event_end)
        self.resume_created = self.created
        return 0
