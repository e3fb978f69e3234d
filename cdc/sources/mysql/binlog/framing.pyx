"""Packets out of the bytes of a connection, and binlog events out of packets.

Formats: the MySQL source documentation, "MySQL Packets" and "Binlog Event"; the checksum is CRC-32 as in ISO 3309.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc, PyMem_RawRealloc
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove

from cdc.errors import DecodeError
from cdc.sources.mysql.binlog.events import parse_event

cdef extern from "Python.h":
    object PyMemoryView_FromMemory(char *memory, Py_ssize_t size, int flags)
    int PyBUF_WRITE

# What the buffer begins with and goes back to, and the least room that a read from the socket gets.
cdef Py_ssize_t USUAL_SIZE = 1 << 21
cdef Py_ssize_t LEAST_ROOM = 1 << 18
# A packet of this length is followed by one that continues it.
cdef Py_ssize_t FULL = 0xFFFFFF

cdef Py_ssize_t HEADER = 19
cdef uint32_t TABLES[8][256]

cdef enum:
    ROTATE = 4
    FORMAT_DESCRIPTION = 15
    HEARTBEAT = 27
    HEARTBEAT_V2 = 41
    IN_USE = 0x1
    ARTIFICIAL = 0x20


cdef void fill_tables() noexcept:
    cdef uint32_t value
    cdef int index, bit, table
    for index in range(256):
        value = index
        for bit in range(8):
            value = (value >> 1) ^ (0xEDB88320 if value & 1 else 0)
        TABLES[0][index] = value
    for table in range(1, 8):
        for index in range(256):
            value = TABLES[table - 1][index]
            TABLES[table][index] = (value >> 8) ^ TABLES[0][value & 0xFF]


fill_tables()


cdef inline uint16_t number16(const unsigned char *p) noexcept nogil:
    return p[0] | <uint16_t> p[1] << 8


cdef inline uint32_t number32(const unsigned char *p) noexcept nogil:
    return p[0] | <uint32_t> p[1] << 8 | <uint32_t> p[2] << 16 | <uint32_t> p[3] << 24


cdef inline uint64_t number64(const unsigned char *p) noexcept nogil:
    return number32(p) | <uint64_t> number32(p + 4) << 32


cdef uint32_t crc(const unsigned char *p, Py_ssize_t size, uint32_t start) noexcept nogil:
    """Eight bytes a step, by eight tables ("slicing-by-8"); a call of zlib costs more than most events."""
    cdef uint32_t value = ~start, low, high
    while size >= 8:
        low = number32(p) ^ value
        high = number32(p + 4)
        value = (
            TABLES[7][low & 0xFF] ^ TABLES[6][low >> 8 & 0xFF] ^ TABLES[5][low >> 16 & 0xFF] ^ TABLES[4][low >> 24]
            ^ TABLES[3][high & 0xFF] ^ TABLES[2][high >> 8 & 0xFF] ^ TABLES[1][high >> 16 & 0xFF] ^ TABLES[0][high >> 24]
        )
        p += 8
        size -= 8
    while size > 0:
        value = value >> 8 ^ TABLES[0][(value ^ p[0]) & 0xFF]
        p += 1
        size -= 1
    return ~value


def crc32(bytes data not None):
    return crc(<const unsigned char *> PyBytes_AS_STRING(data), len(data), 0)


cdef class PacketBuffer:
    """Bytes that have arrived on one connection, cut into packets; see the stub."""

    cdef unsigned char *data
    cdef Py_ssize_t size
    cdef Py_ssize_t start
    cdef Py_ssize_t end
    # Where the packet begins that `missing` found to be cut off; before `start` once it was taken.
    cdef Py_ssize_t begun
    cdef public int sequence
    cdef public bint numbered

    def __cinit__(self):
        self.data = <unsigned char *> PyMem_RawMalloc(USUAL_SIZE)
        if self.data == NULL:
            raise MemoryError
        self.size = USUAL_SIZE
        self.numbered = True

    def __dealloc__(self):
        PyMem_RawFree(self.data)

    def __len__(self):
        return self.end - self.start

    def space(self):
        self.reserve(max(LEAST_ROOM, self.missing()))
        return PyMemoryView_FromMemory(<char *> self.data + self.end, self.size - self.end, PyBUF_WRITE)

    def filled(self, Py_ssize_t count):
        if count < 0 or count > self.size - self.end:
            raise ValueError(f"{count} bytes do not fit")
        self.end += count

    def feed(self, const unsigned char[::1] data not None):
        cdef Py_ssize_t count = data.shape[0]
        if count:
            self.reserve(count)
            memcpy(self.data + self.end, &data[0], count)
            self.end += count

    def take(self):
        """Return the next whole packet, or None."""
        cdef Py_ssize_t size = self.whole()
        return None if size < 0 else self.cut(size)

    def take_many(self, Py_ssize_t max_count, Py_ssize_t max_bytes):
        cdef list packets = []
        cdef Py_ssize_t size
        while len(packets) < max_count and max_bytes > 0:
            size = self.whole()
            if size < 0:
                break
            packets.append(self.cut(size))
            max_bytes -= size
        return packets

    cdef Py_ssize_t missing(self):
        """Return how many bytes the packet that has begun to arrive lacks, as far as its headers are here."""
        cdef Py_ssize_t at = max(self.start, self.begun), length
        self.begun = at
        while self.end - at >= 4:
            length = number32(self.data + at) & 0xFFFFFF
            at += 4 + length
            if at > self.end:
                return at - self.end
            self.begun = at
        return 4

    cdef int reserve(self, Py_ssize_t room) except -1:
        """Make room at the end, first by moving what is held to the front."""
        cdef Py_ssize_t held = self.end - self.start
        if self.size - self.end >= room:
            return 0
        memmove(self.data, self.data + self.start, held)
        self.begun = max(0, self.begun - self.start)
        self.start, self.end = 0, held
        if self.size - held >= room:
            if self.size > USUAL_SIZE and held + room <= USUAL_SIZE:
                self.resize(USUAL_SIZE)
            return 0
        return self.resize(held + room + (held >> 1))

    cdef int resize(self, Py_ssize_t size) except -1:
        cdef unsigned char *moved = <unsigned char *> PyMem_RawRealloc(self.data, size)
        if moved == NULL:
            raise MemoryError
        self.data, self.size = moved, size
        return 0

    cdef Py_ssize_t whole(self) noexcept:
        """Return the length of the next packet, its parts together, or -1 if it has not arrived."""
        cdef Py_ssize_t at = self.start, total = 0, length
        while self.end - at >= 4:
            length = number32(self.data + at) & 0xFFFFFF
            if self.end - at - 4 < length:
                return -1
            total += length
            if length != FULL:
                return total
            at += 4 + length
        return -1

    cdef int pass_header(self) except -1:
        """Move past the header at `start`, checking its number."""
        cdef uint8_t found = self.data[self.start + 3]
        if self.numbered and found != self.sequence:
            raise DecodeError(
                f"a packet has number {found} where {self.sequence} follows", self.data[self.start : self.start + 4], 3
            )
        self.sequence = (found + 1) & 0xFF
        self.start += 4
        return 0

    cdef bytes cut(self, Py_ssize_t size):
        """Return the next packet, which `whole` has measured."""
        cdef bytes packet = PyBytes_FromStringAndSize(NULL, size)
        cdef char *target = PyBytes_AS_STRING(packet)
        cdef Py_ssize_t length = FULL
        while length == FULL:
            length = number32(self.data + self.start) & 0xFFFFFF
            self.pass_header()
            memcpy(target, self.data + self.start, length)
            target += length
            self.start += length
        self.rewind()
        return packet

    cdef void rewind(self) noexcept:
        """Begin at the front again when nothing is held."""
        if self.start == self.end:
            self.start = self.end = self.begun = 0


cdef class EventFramer:
    """Cuts the events of one binlog dump out of its packets; see the stub."""

    cdef PacketBuffer buffer
    cdef readonly str file
    cdef readonly uint64_t position
    cdef readonly bint checksummed
    cdef readonly bytes answer
    cdef readonly Py_ssize_t heartbeats
    cdef readonly bint reached
    cdef uint64_t pass_until
    cdef uint64_t base
    cdef bint based
    cdef bint turned

    def __init__(self, PacketBuffer buffer not None, str file="", uint64_t position=4, bint checksummed=True, uint64_t pass_until=0):
        self.buffer = buffer
        self.file = file
        self.position = position
        self.checksummed = checksummed
        self.pass_until = pass_until
        self.reached = pass_until == 0

    def take(self, Py_ssize_t max_events, Py_ssize_t max_bytes):
        cdef list events = []
        cdef str file = self.file
        cdef Py_ssize_t size
        self.based = self.turned = False
        self.base = self.position & ~<uint64_t> 0xFFFFFFFF
        while len(events) < max_events and max_bytes > 0 and not self.turned and self.answer is None:
            size = self.buffer.whole()
            if size < 0 or not self.take_packet(size, events):
                break
            max_bytes -= size
        return file, self.base, events

    cdef bint take_packet(self, Py_ssize_t size, list events) except -1:
        """Move one packet on; False, and nothing moved, if its event has another base than those before it."""
        cdef PacketBuffer buffer = self.buffer
        cdef const unsigned char *packet = buffer.data + buffer.start + 4
        cdef uint64_t position
        cdef bytes joined
        if size == 0 or packet[0] != 0:
            self.answer = buffer.cut(size)
            return True
        if size - 1 < HEADER:
            raise DecodeError("a binlog event is shorter than its header", packet[:size], size)
        position = self.advanced(packet + 1)
        if not self.fits(packet + 1, position):
            return False
        if size < FULL:
            buffer.pass_header()
            buffer.start += size
        else:
            joined = buffer.cut(size)
            packet = <const unsigned char *> PyBytes_AS_STRING(joined)
        self.take_event(packet + 1, size - 1, position, events)
        buffer.rewind()
        return True

    cdef uint64_t advanced(self, const unsigned char *event) except? 0:
        """Return where the log stands after the event: its 32 bits, and the upper ones counted here."""
        cdef uint64_t low = number32(event + 13), position
        if low == 0 or number16(event + 17) & ARTIFICIAL or event[4] == HEARTBEAT_V2:
            return self.position
        position = (self.position & ~<uint64_t> 0xFFFFFFFF) | low
        if position >= self.position:
            return position
        if self.position - position < <uint64_t> 1 << 31:
            raise DecodeError(f"an event ends at {position} of {self.file}, before {self.position}", event[:HEADER], 13)
        return position + (<uint64_t> 1 << 32)

    cdef bint fits(self, const unsigned char *event, uint64_t position) noexcept:
        """Tell whether the event may be in the list that is being made; the first one with a place decides on its base."""
        cdef uint64_t base = position & ~<uint64_t> 0xFFFFFFFF
        if number32(event + 13) == 0 or number16(event + 17) & ARTIFICIAL:
            return True
        if not self.based:
            self.base, self.based = base, True
        return base == self.base

    cdef int take_event(self, const unsigned char *event, Py_ssize_t size, uint64_t position, list events) except -1:
        cdef uint8_t kind = event[4]
        cdef Py_ssize_t length
        if number32(event + 9) != <uint32_t> size:
            raise DecodeError(f"an event of {size} bytes says that it has {number32(event + 9)}", event[:HEADER], 9)
        length = size - self.checksum_size(event, size)
        self.position = position
        self.reached = self.reached or position >= self.pass_until
        if kind == HEARTBEAT or kind == HEARTBEAT_V2:
            self.heard(kind, event[:length])
            return 0
        if kind == ROTATE:
            self.turn(event[:length])
        if self.pass_until == 0 or position > self.pass_until or kind == FORMAT_DESCRIPTION or kind == ROTATE:
            events.append(PyBytes_FromStringAndSize(<const char *> event, length))
        return 0

    cdef Py_ssize_t checksum_size(self, const unsigned char *event, Py_ssize_t size) except -1:
        """Verify the checksum and return its size; a format description, which always has one, tells whether others have."""
        cdef bint described = event[4] == FORMAT_DESCRIPTION
        if described:
            if size < HEADER + 57 + 5:
                raise DecodeError("a format description ends too early", event[:size], size)
            if event[size - 5] > 1:
                raise DecodeError(f"the binlog has checksums of the unknown kind {event[size - 5]}", event[:size], size - 5)
            self.checksummed = event[size - 5] == 1
        if self.checksummed:
            if size < HEADER + 4:
                raise DecodeError("a binlog event ends inside its checksum", event[:size], size)
            self.verify(event, size - 4, described)
        return 4 if described or self.checksummed else 0

    cdef int verify(self, const unsigned char *event, Py_ssize_t size, bint described) except -1:
        """Compare the checksum; that of a format description was made before the file was marked as in use."""
        cdef uint32_t found = number32(event + size), computed
        cdef unsigned char flag
        if described:
            flag = event[17] & ~IN_USE
            computed = crc(event + 18, size - 18, crc(&flag, 1, crc(event, 17, 0)))
        else:
            computed = crc(event, size, 0)
        if computed != found:
            raise DecodeError(
                f"the checksum of an event of {self.file} after position {self.position} is {found:#010x}, "
                f"its bytes have {computed:#010x}", event[: size + 4], size)
        return 0

    cdef int heard(self, uint8_t kind, bytes event) except -1:
        self.heartbeats += 1
        found = parse_event(event)
        if kind == HEARTBEAT_V2:
            self.stand(found.position, event)
        self.file = found.file or self.file
        return 0

    cdef int turn(self, bytes event) except -1:
        found = parse_event(event)
        if found.file != self.file:
            self.pass_until = 0
        self.file = found.file
        self.stand(found.position, event)
        self.turned = True
        return 0

    cdef int stand(self, uint64_t position, bytes event) except -1:
        """Note where the log stands, of which an event tells all 64 bits; those after it are counted with a sign."""
        if position >> 62:
            raise DecodeError(f"the binlog is said to stand at {position}", event, HEADER)
        self.position = position
        return 0


def split_events(bytes data not None):
    cdef const unsigned char *start = <const unsigned char *> PyBytes_AS_STRING(data)
    cdef Py_ssize_t size = len(data), at = 0, length
    cdef list events = []
    while size - at >= HEADER:
        length = number32(start + at + 9)
        if length < HEADER:
            raise DecodeError(f"an event says that it has {length} bytes", data, at + 9)
        if length > size - at:
            break
        events.append(PyBytes_FromStringAndSize(<const char *> start + at, length))
        at += length
    return events, at
