"""Our record batches, read by aiokafka's own reader, and hashes and partitions by aiokafka's own partitioner."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from aiokafka.partitioner import murmur2 as aiokafka_murmur2
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from cdc.kafka.compression import CODECS
from cdc.kafka.record_batch import PartitionBatch, RecordAccumulator, murmur2
from cdc.model.records import RecordBatch

text = st.text(max_size=12)
content = st.none() | st.binary(max_size=300)
header = st.tuples(text, st.binary(max_size=20))
record = st.tuples(st.sampled_from(["a", "b"]), content, content, st.lists(header, max_size=3).map(tuple))
records = st.lists(record, min_size=1, max_size=40)
stamps = st.integers(min_value=-(2**40), max_value=2**45)


def filled(content, constant=(), timestamp=0):
    batch = RecordBatch()
    batch.headers = tuple(constant)
    batch.timestamp_ms = timestamp
    for topic, key, value, own in content:
        batch.add(topic, key, value, own or None)
    return batch


def read(batch: PartitionBatch):
    """Return what aiokafka reads from one built batch as (timestamp, key, value, headers)."""
    memory = MemoryRecords(batch._build())
    found: Any = memory.next_batch()
    assert not memory.has_next()
    assert found.validate_crc()
    assert found.is_transactional
    assert not found.is_control_batch
    entries = list(found)
    assert [e.offset for e in entries] == list(range(batch.record_count()))
    return [(e.timestamp, e.key, e.value, tuple(e.headers)) for e in entries]


@given(
    st.lists(st.tuples(records, st.lists(header, max_size=3), stamps), min_size=1, max_size=3),
    st.sampled_from(sorted(CODECS)),
)
def test_aiokafka_reads_the_records_that_were_added(batches, codec):
    accumulator = RecordAccumulator(CODECS[codec], max_request_size=1 << 20)
    for topic in "ab":
        accumulator.use_topic(topic, 3, 700)
    full: list[PartitionBatch] = []
    expected: dict[str, list[Any]] = defaultdict(list)
    for content, constant, timestamp in batches:
        full += accumulator.append(filled(content, constant, timestamp))
        for topic, key, value, own in content:
            expected[topic].append((timestamp, key, value, own + tuple(constant)))
    full += accumulator.flush()
    assert accumulator.size == 0
    by_partition: dict[tuple[str, int], list[Any]] = defaultdict(list)
    for each in full:
        assert each.size() <= 700 or each.record_count() == 1
        by_partition[each.topic, each.partition] += read(each)
    for topic, wanted in expected.items():
        keyed = [
            [entry for entry in wanted if entry[1] is not None and partition_of(entry[1], 3) == p] for p in range(3)
        ]
        for partition, entries in enumerate(keyed):
            assert [entry for entry in by_partition[topic, partition] if entry[1] is not None] == entries
        keyless = [entry for p in range(3) for entry in by_partition[topic, p] if entry[1] is None]
        assert sorted(map(repr, keyless)) == sorted(repr(entry) for entry in wanted if entry[1] is None)


def partition_of(key: bytes, partitions: int) -> int:
    return int((aiokafka_murmur2(key) & 0x7FFFFFFF) % partitions)


@given(st.binary(max_size=64))
def test_the_hash_is_aiokafkas(key):
    assert murmur2(key) & 0xFFFFFFFF == aiokafka_murmur2(key) & 0xFFFFFFFF


@pytest.mark.parametrize(
    ("key", "expected"),
    [  # UtilsTest.testMurmur2 of Apache Kafka
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_hash_is_javas(key, expected):
    assert murmur2(key) == expected
