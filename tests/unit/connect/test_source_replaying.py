"""Letters of sources, converted anew: what comes out, and which of them are no longer what the source has sent."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from cdc.connect.dead_letter_reader import Letter
from cdc.connect.replaying import AsItWas, NotReplayable
from cdc.connect.source_letters import bury
from cdc.connect.source_replaying import ConvertedAnew, read_back
from cdc.kafka.consumer import ConsumedRecord
from cdc.model.connect_record import Header
from cdc.model.records import RecordBatch
from cdc.model.schema import BYTES, INT64, STRING, Field, Schema, struct
from tests.unit.connect.source_bench import encoder, record

PLACE = {"topic": "t", "source.partition": '{"filename":"a.txt"}', "source.offset": '{"position":7}'}
FAILED = {"connector.name": "files", "stage": "TRANSFORMATION"}


class Known:
    """Topics t and other, with one partition each."""

    async def of(self, topic):
        return int(topic in {"t", "other"})

    async def check(self, topic):
        if not await self.of(topic):
            raise NotReplayable(f"there is no topic {topic}", "")
        return 1


def letter(found, **changes):
    """Return the letter that the worker writes of a record."""
    told = {**PLACE, **FAILED, **{name.replace("_", "."): text for name, text in changes.items()}}
    batches: list[RecordBatch] = []
    bury(batches, "dlq", found, tuple(("__connect.errors." + name, text.encode()) for name, text in told.items()), 9)
    _topic, key, value, headers = batches[0][0]
    return Letter.of(ConsumedRecord("dlq", 0, 0, 9, key, value, headers))  # type: ignore[arg-type]


def forwarder(transform=None, to=""):
    known: Any = Known()
    return ConvertedAnew("files", encoder(transform), AsItWas(known, to))


TEXT = record("two", 7, value_schema=STRING)
PRICE = Schema(BYTES.type, name="org.apache.kafka.connect.data.Decimal", version=1, parameters={"scale": "2"})
ROW = struct("row", [Field("id", INT64), Field("data", BYTES), Field("price", PRICE)])


async def test_a_record_is_converted_as_the_connector_does_it_now():
    headers = (Header("h", STRING, "1"), Header("none", None, None))
    found = replace(TEXT, key="k", key_schema=STRING, headers=headers)
    (batch,) = await forwarder().records(letter(found))
    assert batch[0] == ("t", b"k", b"two", (("h", b"1"), ("none", None)))
    assert (batch.timestamp_ms, batch.partition) == (7, -1)  # the time of the replay


def test_a_record_is_read_back_as_it_came_from_the_task():
    found = record({"id": 1, "data": b"\xff", "price": Decimal("1.50")}, 7, value_schema=ROW)
    assert read_back(letter(found)) == replace(found, timestamp_ms=None)


async def test_a_transform_may_choose_another_topic_and_leave_records_out():
    (batch,) = await forwarder(lambda found: replace(found, topic="other")).records(letter(TEXT))
    assert batch[0][:3] == ("other", None, b"two")
    assert await forwarder(lambda found: None).records(letter(TEXT)) == []


async def test_a_topic_that_is_asked_for_counts_behind_the_transforms():
    (batch,) = await forwarder(lambda found: replace(found, topic="gone"), to="other").records(letter(TEXT))
    assert batch[0] == ("other", None, b"two", ())
    with pytest.raises(NotReplayable, match="there is no topic gone"):
        await forwarder(lambda found: replace(found, topic="gone")).records(letter(TEXT))


async def test_a_record_that_fails_again_is_not_put_back():
    with pytest.raises(NotReplayable, match=r"it fails again: .* failed in stage VALUE_CONVERTER \(Texts\): 5 is no"):
        await forwarder().records(letter(record(5, 7, value_schema=INT64)))


async def test_a_letter_of_another_connector_is_left_to_its_own_configuration():
    with pytest.raises(NotReplayable, match="it is of the source connector shop, and the configuration that of files"):
        await forwarder().records(letter(TEXT, connector_name="shop"))


async def test_a_letter_of_a_sink_goes_back_as_it_was():
    headers = (("own", b"1"), ("__connect.errors.topic", b"t"), ("__connect.errors.partition", b"0"))
    (batch,) = await forwarder().records(Letter.of(ConsumedRecord("dlq", 0, 0, 9, b"k", b"\xff", headers)))
    assert batch[0] == ("t", b"k", b"\xff", (("own", b"1"),))


@pytest.mark.parametrize(
    ("found", "changes", "message"),
    [
        (record(5, 7, value_schema=STRING), {}, "its value has no schema, and may not be what the source has sent"),
        (replace(TEXT, key={"a": 1}), {}, "its key has no schema"),
        (
            TEXT,
            {"source_table": "public.t", "class_name": "cdc.converters.change_records.ChangeRecords"},
            "its row holds what cannot be published",
        ),
        (TEXT, {"source_offset": "[7"}, r"its header source\.offset cannot be read"),
        (TEXT, {"source_offset": "7"}, r"its header source\.offset cannot be read"),
    ],
)
def test_what_is_no_longer_the_record_is_not_put_back(found, changes, message):
    with pytest.raises(NotReplayable, match=message) as caught:
        read_back(letter(found, **changes))
    assert "write the row again" in caught.value.remedy


def test_bytes_that_are_no_letter_of_a_source_are_not_put_back():
    strange = replace(letter(TEXT).record, value=b"two")
    with pytest.raises(NotReplayable, match=r"it cannot be read back: .*/value is not JSON"):
        read_back(Letter.of(strange))


def test_the_row_of_a_table_whose_transform_failed_is_read_back():
    found = read_back(letter(TEXT, source_table="public.t"))
    assert (found.topic, found.value, json.dumps(found.source_offset)) == ("t", "two", '{"position": 7}')
