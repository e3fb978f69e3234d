"""Kafka's record batches (magic 2), written straight from encoded records, without a Python object a record.

The format: https://kafka.apache.org/documentation/#recordbatch. The partitions: Java's default partitioner.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from aiokafka.record.util import calc_crc32c

from cdc.errors import ConversionError, RecordTooLarge
from cdc.model.buffer cimport Buffer
from cdc.model.records cimport OwnHeader, Record, RecordBatch

cdef enum:
    HEADER_SIZE = 61
    CRC_AT = 17
    ATTRIBUTES_AT = 21  # the checksum covers everything from here on
    LENGTH_FROM = 12    # the length counts everything from here on
    TRANSACTIONAL = 0x10
    SHOWN_KEY = 256     # bytes of a key that an error shows


cdef class PartitionBatch:
    """The records of one partition that go to the broker together; aiokafka takes it where it takes its own `BatchBuilder`."""

    cdef readonly str topic
    cdef readonly int32_t partition
    cdef readonly int64_t largest_size
    cdef object codec
    cdef Buffer records
    cdef object payload
    cdef bytes built
    cdef bytes key
    cdef int32_t count
    cdef int32_t code
    cdef int64_t size_
    cdef int64_t first_ms
    cdef int64_t max_ms
    cdef int64_t key_at
    cdef int32_t key_size
    cdef int64_t producer_id
    cdef int16_t producer_epoch
    cdef int32_t base_sequence

    def __cinit__(self, str topic, int32_t partition, codec, int64_t first_ms):
        self.topic = topic
        self.partition = partition
        self.codec = codec
        self.records = Buffer()
        self.first_ms = self.max_ms = first_ms
        self.key_size = -1
        self.producer_id = self.producer_epoch = self.base_sequence = -1

    @property
    def largest_key(self):
        """The key of the largest record, its first 256 bytes; None for a null key."""
        cdef int32_t shown = min(self.key_size, <int32_t> SHOWN_KEY)
        if self.records is None or shown < 0:
            return self.key
        return self.records.data[self.key_at : self.key_at + shown] if shown else b""

    def size(self):
        """Return the size in bytes, header included: before compression, until it is built."""
        return len(self.built) if self.built is not None else self.size_

    def record_count(self):
        """Return the number of records."""
        return self.count

    def closed(self):
        """Tell aiokafka that nothing more can be added."""
        return True

    def close(self):
        """Do nothing; a batch is full before aiokafka sees it."""

    def append(self, **_record):
        """Refuse aiokafka's own records, as a full batch does."""
        return None

    def compress(self):
        """Compress the records, once; from any thread, as long as no other method runs meanwhile."""
        if self.payload is not None or self.built is not None:
            return
        raw = memoryview(<uint8_t[: self.records.size]> <uint8_t *> self.records.data)
        self.payload = raw
        if self.codec.code:
            smaller = self.codec.compress(raw)
            if len(smaller) < len(raw):
                self.code = self.codec.code
                self.payload = smaller
                self.key = self.largest_key
                self.records = None

    def _set_producer_state(self, producer_id, producer_epoch, base_sequence):
        self.producer_id = producer_id
        self.producer_epoch = producer_epoch
        self.base_sequence = base_sequence

    def _build(self):
        cdef const uint8_t[::1] payload
        cdef char *start
        if self.built is None:
            self.compress()
            payload = self.payload
            built = PyBytes_FromStringAndSize(NULL, HEADER_SIZE + payload.shape[0])
            start = PyBytes_AS_STRING(built)
            memcpy(start + HEADER_SIZE, &payload[0], payload.shape[0])
            self._write_header(start, payload.shape[0])
            put(start + CRC_AT, calc_crc32c(memoryview(built)[ATTRIBUTES_AT:]), 4)
            self.key = self.largest_key
            self.built, self.payload, self.records = built, None, None
        return self.built

    cdef int _write_header(self, char *start, int64_t payload_size) except -1:
        put(start, 0, 8)                                          # base offset: the broker's to give
        put(start + 8, HEADER_SIZE - LENGTH_FROM + payload_size, 4)
        put(start + 12, -1, 4)                                    # partition leader epoch: not known
        put(start + 16, 2, 1)                                     # magic
        put(start + 21, self.code | TRANSACTIONAL, 2)
        put(start + 23, self.count - 1, 4)
        put(start + 27, self.first_ms, 8)
        put(start + 35, self.max_ms, 8)
        put(start + 43, self.producer_id, 8)
        put(start + 51, self.producer_epoch, 2)
        put(start + 53, self.base_sequence, 4)
        put(start + 57, self.count, 4)
        return 0

    cdef char *_add(self, int64_t size, int64_t timestamp_ms) except NULL:
        """Make room for a record of this size; return where it is to be written."""
        cdef char *start
        self.records.reserve(size)
        start = self.records.data + self.records.size
        self.records.size += size
        self.size_ = HEADER_SIZE + self.records.size
        self.count += 1
        self.max_ms = max(self.max_ms, timestamp_ms)
        return start


cdef class Lane:
    """A topic's batches that still take records, by partition."""

    cdef str topic
    cdef list open
    cdef int32_t partitions
    cdef int32_t turn
    cdef int64_t batch_size
    cdef Py_ssize_t usual  # bytes of the batch that was full last


# What all records of one RecordBatch have in common while they are appended.
cdef struct Common:
    const char *data
    const char *headers
    int64_t headers_size
    int32_t header_count
    const OwnHeader *own_headers
    int64_t timestamp_ms


cdef class RecordAccumulator:
    """Sorts records by partition into batches of limited size."""

    cdef object codec
    cdef int64_t max_record
    cdef dict lanes
    cdef list full
    cdef readonly int64_t size

    def __cinit__(self, codec, *, int64_t max_request_size):
        self.codec = codec
        self.max_record = max_request_size
        self.lanes = {}
        self.full = []

    def use_topic(self, str topic, int32_t partitions, int64_t batch_size):
        """Say how many partitions the topic has now, and how large its batches may become, in bytes."""
        cdef Lane lane = self.lanes.get(topic)
        if partitions < 1:
            raise ValueError(f"topic {topic} has no partitions")
        if lane is None:
            lane = self.lanes[topic] = Lane()
            lane.topic = topic
            lane.open = []
        lane.open.extend([None] * (partitions - len(lane.open)))
        lane.partitions = partitions
        lane.batch_size = batch_size

    def append(self, RecordBatch batch):
        """Add the records in order, and return the batches that are full now, oldest first."""
        cdef Common common
        cdef Lane lane
        cdef Record *record
        cdef int64_t at
        cdef int32_t partition
        cdef list lanes = [self.lanes[topic] for topic in batch.topics]
        cdef list names = [encode_text(name) for name in batch.header_names]
        headers = b"".join([encode_text(name) + encode_bytes(value) for name, value in batch.headers])
        common = Common(batch.data.data, headers, len(headers), <int32_t> len(batch.headers), batch.own_headers, batch.timestamp_ms)
        for lane in lanes:
            lane.turn = (lane.turn + 1) % lane.partitions
        for at in range(batch.record_count):
            record = &batch.records[at]
            lane = <Lane> lanes[record.topic]
            partition = lane.turn
            if batch.partition >= 0:
                partition = batch.partition
                if partition >= lane.partitions:
                    raise no_partition(lane.topic, partition, lane.partitions)
            elif record.key_size >= 0:
                partition = (hash_key(common.data + record.key, record.key_size) & 0x7FFFFFFF) % lane.partitions
            self._put(lane, partition, record, &common, names)
        return self._take_full()

    def flush(self):
        """Return all batches that hold records, and start anew."""
        cdef Lane lane
        for lane in self.lanes.values():
            for at, batch in enumerate(lane.open):
                if batch is not None:
                    self.full.append(batch)
                    lane.open[at] = None
        self.size = 0
        return self._take_full()

    cdef list _take_full(self):
        full, self.full = self.full, []
        return full

    cdef int _put(self, Lane lane, int32_t partition, Record *record, Common *common, list names) except -1:
        cdef PartitionBatch target = lane.open[partition]
        cdef int64_t content = content_size(record, common, names)
        cdef int64_t body, size
        if target is not None:
            body = content + varint_size(common.timestamp_ms - target.first_ms) + varint_size(target.count)
            size = body + varint_size(body)
            if target.size_ + size > lane.batch_size:
                self.full.append(target)
                self.size -= target.size_
                lane.usual = target.records.size
                target = None
        if target is None:
            body = content + 2  # both deltas are zero
            size = body + varint_size(body)
            if HEADER_SIZE + size > self.max_record:
                raise too_large(lane.topic, record, common.data, HEADER_SIZE + size, self.max_record)
            target = lane.open[partition] = PartitionBatch(lane.topic, partition, self.codec, common.timestamp_ms)
            target.records.reserve(lane.usual)
            self.size += HEADER_SIZE
        self.size += size
        write_record(target._add(size, common.timestamp_ms), body, target, record, common, names)
        return 0


cdef int write_record(char *at, int64_t body, PartitionBatch target, Record *record, Common *common, list names) except -1:
    cdef int64_t place
    cdef const OwnHeader *own
    cdef bytes name
    at = put_varint(at, body)
    at[0] = 0  # attributes: none in use
    at = put_varint(at + 1, common.timestamp_ms - target.first_ms)
    at = put_varint(at, target.count - 1)
    at = put_field(at, common.data + record.key, record.key_size)
    if body > target.largest_size:
        target.largest_size = body
        target.key_at = at - target.records.data - max(record.key_size, 0)
        target.key_size = record.key_size
    at = put_field(at, common.data + record.value, record.value_size)
    at = put_varint(at, common.header_count + record.header_count)
    for place in range(record.header, record.header + record.header_count):
        own = &common.own_headers[place]
        name = <bytes> names[own.name]
        memcpy(at, PyBytes_AS_STRING(name), len(name))
        at = put_field(at + len(name), common.data + own.value, own.size)
    memcpy(at, common.headers, common.headers_size)
    return 0


cdef inline int64_t content_size(const Record *record, const Common *common, list names) except -1:
    """Return the size of a record without its own length and without its deltas."""
    cdef int64_t size = 1 + field_size(record.key_size) + field_size(record.value_size) + common.headers_size
    cdef int64_t place
    for place in range(record.header, record.header + record.header_count):
        size += len(<bytes> names[common.own_headers[place].name]) + field_size(common.own_headers[place].size)
    return size + varint_size(common.header_count + record.header_count)


cdef inline int64_t field_size(int32_t size) noexcept nogil:
    return varint_size(size) + (size if size > 0 else 0)


cdef inline char *put_field(char *at, const char *data, int32_t size) noexcept nogil:
    """Write a length and as many bytes; the length of null is -1."""
    at = put_varint(at, size)
    if size <= 0:
        return at
    memcpy(at, data, size)
    return at + size


cdef inline int varint_size(int64_t value) noexcept nogil:
    cdef uint64_t left = (<uint64_t> value << 1) ^ <uint64_t> (value >> 63)
    cdef int size = 1
    while left >= 0x80:
        left >>= 7
        size += 1
    return size


cdef inline char *put_varint(char *at, int64_t value) noexcept nogil:
    cdef uint64_t left = (<uint64_t> value << 1) ^ <uint64_t> (value >> 63)
    while left >= 0x80:
        at[0] = <char> (left | 0x80)
        at += 1
        left >>= 7
    at[0] = <char> left
    return at + 1


cdef inline void put(char *at, int64_t value, int width) noexcept nogil:
    """Write a number big-endian."""
    cdef int byte
    for byte in range(width):
        at[byte] = <char> (value >> (8 * (width - 1 - byte)))


cdef bytes encode_text(str text):
    return encode_bytes(text.encode())


cdef bytes encode_bytes(object data):
    """Encode the bytes with their length; None is null."""
    cdef char length[10]
    cdef char *end = put_varint(length, -1 if data is None else <int64_t> len(data))
    return length[: end - length] + (b"" if data is None else bytes(data))


cdef object too_large(str topic, const Record *record, const char *data, int64_t size, int64_t limit):
    key = data[record.key : record.key + min(record.key_size, <int32_t> SHOWN_KEY)] if record.key_size >= 0 else None
    return RecordTooLarge(
        f"A record for topic {topic} with key {show_key(key)} takes {size} bytes, more than max.request.size = {limit}",
        "Raise max.request.size, and max.message.bytes of the topic, or leave the large column out (column.exclude.list).",
    )


cdef object no_partition(str topic, int32_t partition, int32_t partitions):
    return ConversionError(
        f"A record is meant for partition {partition} of topic {topic}, which has {partitions}",
        "Give the topic more partitions, or mend the connector or transform that chooses them.",
    )


def show_key(key):
    """Return a record key as text for an error message."""
    return "null" if key is None else key.decode("utf-8", "replace")


def murmur2(bytes data):
    """Return the hash of Java's `Utils.murmur2`, a signed number of 32 bits."""
    return <int32_t> hash_key(PyBytes_AS_STRING(data), <int32_t> len(data))


cdef uint32_t hash_key(const char *key, int32_t size) noexcept nogil:
    cdef const uint8_t *data = <const uint8_t *> key
    cdef uint32_t m = 0x5BD1E995, mixed, result = <uint32_t> 0x9747B28C ^ <uint32_t> size
    cdef int32_t left = size
    while left >= 4:
        memcpy(&mixed, data, 4)  # little-endian, as the machines that this runs on
        mixed *= m
        mixed ^= mixed >> 24
        result = (result * m) ^ (mixed * m)
        data += 4
        left -= 4
    if left == 3:
        result ^= <uint32_t> data[2] << 16
    if left >= 2:
        result ^= <uint32_t> data[1] << 8
    if left >= 1:
        result = (result ^ data[0]) * m
    result = (result ^ (result >> 13)) * m
    return result ^ (result >> 15)
