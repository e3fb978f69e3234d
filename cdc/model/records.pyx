"""Encoded records on their way to Kafka: what a converter writes and a publisher sends, without a Python object a record."""

from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.stdint cimport int32_t, int64_t

from cdc.model.buffer cimport Buffer


cdef class RecordBatch:
    """Records in the order in which they are to be sent.

    `headers` are (name, value) pairs that every record carries, behind its own. `timestamp_ms` is the timestamp of all of them, in
    milliseconds since the epoch. `partition` is the Kafka partition of all of them; -1 lets each key decide.
    """

    def __cinit__(self):
        self.data = Buffer()
        self.topics = []
        self.header_names = []
        self.headers = ()
        self.partition = -1

    def __dealloc__(self):
        PyMem_Free(self.records)
        PyMem_Free(self.own_headers)

    def __len__(self):
        return self.record_count

    @property
    def size(self):
        """The bytes of all keys, values and own headers."""
        return self.data.size

    def __getitem__(self, int64_t index):
        """Return (topic, key, value, headers) of one record; key and value are bytes or None."""
        cdef Record *record
        if not 0 <= index < self.record_count:
            raise IndexError(index)
        record = &self.records[index]
        own = tuple([self._own_header(at) for at in range(record.header, record.header + record.header_count)])
        return (self.topics[record.topic], self._slice(record.key, record.key_size),
                self._slice(record.value, record.value_size), own + self.headers)

    def add(self, str topic, key, value, headers=None):
        """Add a record from bytes; `headers` are (name, value) pairs of its own."""
        cdef Record *record = self.add_record(self.use_topic(topic))
        record.key, record.key_size = self._put(key)
        record.value, record.value_size = self._put(value)
        for name, content in headers or ():
            self.add_header(record, name, content)

    cdef object _own_header(self, int64_t at):
        cdef OwnHeader *found = &self.own_headers[at]
        return self.header_names[found.name], self._slice(found.value, found.size)

    cdef object _slice(self, int64_t start, int32_t size):
        if size < 0:
            return None
        return self.data.data[start : start + size] if size else b""

    cdef object _put(self, object content):
        start = self.data.size
        if content is None:
            return start, -1
        self.data.append(content)
        return start, len(content)

    cdef int32_t use_topic(self, str topic) except -1:
        """Return the index of a topic in this batch."""
        if topic not in self.topics:
            self.topics.append(topic)
        return self.topics.index(topic)

    cdef int32_t use_header(self, str name) except -1:
        """Return the index of an own header's name in this batch."""
        if name not in self.header_names:
            self.header_names.append(name)
        return self.header_names.index(name)

    cdef int add_header(self, Record *record, str name, object content) except -1:
        """Give the record that was added last a header more; `content` is bytes or None."""
        cdef int64_t capacity
        cdef OwnHeader *moved
        if self.header_count == self.header_capacity:
            capacity = self.header_capacity + (self.header_capacity >> 1) + 64
            moved = <OwnHeader *> PyMem_Realloc(self.own_headers, capacity * sizeof(OwnHeader))
            if moved == NULL:
                raise MemoryError
            self.own_headers = moved
            self.header_capacity = capacity
        moved = &self.own_headers[self.header_count]
        moved.name = self.use_header(name)
        moved.value, moved.size = self._put(content)
        if record.header_count == 0:
            record.header = self.header_count
        record.header_count += 1
        self.header_count += 1
        return 0

    cdef Record *add_record(self, int32_t topic) except NULL:
        """Add a record with null key and value; the pointer holds until the next one is added."""
        cdef int64_t capacity
        cdef Record *moved
        if self.record_count == self.record_capacity:
            capacity = self.record_capacity + (self.record_capacity >> 1) + 64
            moved = <Record *> PyMem_Realloc(self.records, capacity * sizeof(Record))
            if moved == NULL:
                raise MemoryError
            self.records = moved
            self.record_capacity = capacity
        moved = &self.records[self.record_count]
        moved.topic = topic
        moved.key_size = moved.value_size = -1
        moved.key = moved.value = moved.header = 0
        moved.header_count = 0
        self.record_count += 1
        return moved
