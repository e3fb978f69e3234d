import struct

import pytest

from cdc.errors import RecordTooLarge
from cdc.kafka.compression import CODECS
from cdc.kafka.record_batch import RecordAccumulator
from cdc.model.records import RecordBatch


def accumulator(*, codec="none", partitions=1, batch_size=1 << 20, max_request_size=1 << 20):
    fresh = RecordAccumulator(CODECS[codec], max_request_size=max_request_size)
    fresh.use_topic("t", partitions, batch_size)
    return fresh


def records(*content, topic="t"):
    batch = RecordBatch()
    for key, value in content:
        batch.add(topic, key, value)
    return batch


def test_the_header_carries_the_producers_state():
    into = accumulator()
    into.append(records((b"k", b"v"), (b"k", b"w")))
    (batch,) = into.flush()
    batch._set_producer_state(producer_id=2**40, producer_epoch=7, base_sequence=-5)
    built = batch._build()
    header = struct.unpack(">qiibIhiqqqhii", built[:61])
    assert header[1] == len(built) - 12
    assert header[3] == 2
    assert header[5:] == (0x10, 1, 0, 0, 2**40, 7, -5, 2)


def test_a_batch_is_built_once():
    into = accumulator(codec="zstd")
    into.append(records((b"k", b"v" * 1000)))
    (batch,) = into.flush()
    built = batch._build()
    batch._set_producer_state(1, 1, 1)
    assert batch._build() is built
    assert batch.size() == len(built)
    assert batch.record_count() == 1
    assert batch.closed()


def test_what_does_not_compress_is_sent_as_it_is():
    into = accumulator(codec="zstd")
    into.append(records((b"k", b"v")))
    (batch,) = into.flush()
    assert batch._build()[22] & 7 == 0


def test_a_full_batch_is_handed_out_and_the_next_one_begun():
    into = accumulator(batch_size=500)
    full = into.append(records(*((b"k", bytes(200)) for _ in range(5))))
    assert [batch.record_count() for batch in full] == [2, 2]
    assert into.size == 61 + 200 + 10
    assert [batch.record_count() for batch in into.flush()] == [1]
    assert into.flush() == []


def test_a_record_larger_than_a_batch_gets_its_own():
    into = accumulator(batch_size=100)
    full = into.append(records((b"k", b"v"), (b"k", bytes(1000)), (b"k", b"w")))
    assert [batch.record_count() for batch in full + into.flush()] == [1, 1, 1]


def test_a_record_larger_than_a_request_is_refused_with_its_key():
    into = accumulator(max_request_size=1000)
    with pytest.raises(
        RecordTooLarge, match=r"topic t with key \{\"id\":7\} takes 1078 bytes, more than max.request.size = 1000"
    ) as caught:
        into.append(records((b'{"id":7}', bytes(1000))))
    assert "max.request.size" in caught.value.remedy


def test_the_largest_record_is_known_before_and_after_the_batch_is_built():
    into = accumulator(codec="zstd")
    into.append(records((b"small", b"v"), (b"large", bytes(1000)), (None, b"w")))
    (batch,) = into.flush()
    assert batch.largest_key == b"large"
    batch._build()
    assert batch.largest_key == b"large"
    assert batch.largest_size > 1000


def test_records_without_key_stay_together_and_take_turns():
    into = accumulator(partitions=3)
    for _ in range(3):
        into.append(records((None, b"1"), (None, b"2")))
    batches = into.flush()
    assert sorted(batch.partition for batch in batches) == [0, 1, 2]
    assert [batch.record_count() for batch in batches] == [2, 2, 2]


def test_partitions_may_be_added():
    into = accumulator(partitions=1)
    into.append(records((b"21", b"v")))
    into.use_topic("t", 64, 1 << 20)
    into.append(records((b"21", b"w")))
    assert [batch.partition for batch in into.flush()] == [0, (-973932308 & 0x7FFFFFFF) % 64]


def test_an_empty_key_is_a_key():
    into = accumulator(partitions=64)
    for _ in range(2):
        into.append(records((b"", b"v")))
    (batch,) = into.flush()
    assert batch.largest_key == b""


def test_a_topic_without_partitions_is_an_error():
    with pytest.raises(ValueError, match="topic t has no partitions"):
        accumulator(partitions=0)


def test_an_unknown_topic_is_an_error():
    with pytest.raises(KeyError, match="other"):
        accumulator().append(records((b"k", b"v"), topic="other"))
