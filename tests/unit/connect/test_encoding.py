"""From records to bytes: what shares a batch, and what is said of a record that cannot be converted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cdc.connect.tolerance import RecordFailed
from cdc.model.connect_record import Header
from tests.unit.connect.source_bench import encoder, record


def shown(batches):
    return [
        (batch.partition, batch.timestamp_ms, [(*batch[at][:3], batch[at][3]) for at in range(len(batch))])
        for batch in batches
    ]


async def test_records_with_the_same_timestamp_headers_and_partition_share_a_batch():
    found = await encoder().encode(
        [
            record("1", 1),
            record("2", 2, key="k"),
            record("3", 3, timestamp_ms=8),
            record("4", 4, kafka_partition=2, timestamp_ms=8),
            record(None, 5, kafka_partition=2, timestamp_ms=8, key="k"),
        ]
    )
    assert shown(found) == [
        (-1, 7, [("t", None, b"1", ()), ("t", b"k", b"2", ())]),
        (-1, 8, [("t", None, b"3", ())]),
        (2, 8, [("t", None, b"4", ()), ("t", b"k", None, ())]),
    ]


async def test_headers_are_kept_in_order_null_values_and_repeated_names_included():
    headers = (Header("a", None, "1"), Header("b", None, None), Header("a", None, "2"))
    (batch,) = await encoder().encode([record("v", 1, headers=headers)])
    assert batch[0] == ("t", None, b"v", (("a", b"1"), ("b", None), ("a", b"2")))


async def test_a_transform_may_change_the_topic():
    (batch,) = await encoder(lambda found: replace(found, topic="other")).encode([record("v", 1)])
    assert batch[0][0] == "other"


async def test_an_error_names_connector_task_position_and_stage_and_keeps_the_remedy():
    with pytest.raises(RecordFailed) as caught:
        await encoder().encode([record(5, 12, key="k")])
    assert str(caught.value) == (
        "Connector files, task 0: the record of table t with key \"k\" at {'filename': 'a.txt'}, {'position': 12} "
        "failed in stage VALUE_CONVERTER (Texts): 5 is no text"
    )
    assert caught.value.remedy.startswith("Send texts.")


async def test_a_record_that_is_given_up_goes_to_the_dead_letters_between_its_neighbours():
    settings = {"tolerate": True, "dead_letter_topic": "dead", "dead_letter_headers": True}
    found = await encoder(**settings).encode([record("1", 1), record({"n": b"x"}, 2, key="k"), record("3", 3)])
    assert [batch.topics for batch in found] == [["t"], ["dead"], ["t"]]
    topic, key, value, headers = found[1][0]
    assert (topic, key, value) == ("dead", b'{"schema":null,"payload":"k"}', b'{"schema":null,"payload":{"n":"eA=="}}')
    told = dict(headers)
    assert told["__connect.errors.source.offset"] == b'{"position":2}'
    assert told["__connect.errors.source.partition"] == b'{"filename":"a.txt"}'
    assert told["__connect.errors.stage"] == b"VALUE_CONVERTER"
    assert told["__connect.errors.exception.message"] == b"{'n': b'x'} is no text"


async def test_a_record_that_is_given_up_is_dropped_where_no_topic_takes_it():
    found = await encoder(tolerate=True).encode([record("1", 1), record(2, 2), record("3", 3)])
    assert shown(found) == [(-1, 7, [("t", None, b"1", ()), ("t", None, b"3", ())])]
