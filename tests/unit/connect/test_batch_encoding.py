"""The two ways of a batch: compiled where that can be, one record at a time around what is refused."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from cdc.connect.batch_encoding import batch_encoders
from cdc.connect.conversion import Conversion
from cdc.connect.encoding import RecordEncoder
from cdc.connect.herder import TaskId
from cdc.connect.tolerance import ErrorSettings, RecordFailed, Tolerance
from cdc.connect.transformation import TransformationChain
from cdc.converters.change_records import ChangeRecords
from cdc.converters.json import JsonConverter
from cdc.converters.simple_header import SimpleHeaderConverter
from cdc.converters.string import StringConverter
from cdc.converters.value_json import ConnectJsonConverter
from cdc.errors import ConversionError
from cdc.model.connect_record import SourceRecord
from cdc.model.event import ABSENT, Unconvertible
from cdc.model.schema import INT32
from tests.unit.connect.source_bench import Transform
from tests.unit.converters.tables import BARE, PLACEHOLDER, batch, decimal_schema, table

OF = table(INT32, decimal_schema(2, optional=True), names=("id", "price"))
LETTERS: dict[str, Any] = {"tolerate": True, "dead_letter_topic": "dead", "dead_letter_headers": True}


def single(*, is_key: bool, **properties: str) -> ConnectJsonConverter:
    made = ConnectJsonConverter()
    made.configure({"schemas.enable": "false", **properties}, is_key=is_key)
    return made


def encoder(*transforms: Any, by_record: bool = False, key: Any = None, **errors: Any):
    task, settings = TaskId("shop", 0), ErrorSettings(**errors)
    chain = TransformationChain([(Transform(each), None, False) for each in transforms])  # type: ignore[misc]
    parts = Conversion(key or single(is_key=True), single(is_key=False), SimpleHeaderConverter(), chain)
    tolerance = Tolerance(settings, task, clock=lambda: 0.0, sleep=asyncio.sleep)
    records = RecordEncoder(task, parts, tolerance, settings, lambda: 7)
    compiled = JsonConverter(BARE, BARE, (("ctx", b"1"),), PLACEHOLDER)
    made = batch_encoders(records, by_record=by_record)
    return made(compiled, ChangeRecords((("ctx", b"1"),), PLACEHOLDER, {"server": "p"}))


def prices(*texts: str | None) -> Any:
    """Return a batch of inserts numbered from 0; a text is a price that the decoder could not carry."""
    rows = batch(*(("c", OF, None, (number, text)) for number, text in enumerate(texts)))
    rows.problems.extend(
        Unconvertible("s.t", "price", text, f"the numeric {text} has no digits", number, "Set decimal.handling.mode.")
        for number, text in enumerate(texts)
        if text is not None
    )
    return rows


def listed(batches: Any) -> list[Any]:
    return [found[at] for found in batches for at in range(len(found))]


async def test_a_batch_without_a_fault_is_one_batch_of_the_compiled_converter():
    rows = prices(None, None)
    (found,) = await encoder().encode(rows)
    compiled = JsonConverter(BARE, BARE, (("ctx", b"1"),), PLACEHOLDER).convert(rows)
    assert listed([found]) == listed([compiled])


@pytest.mark.parametrize("bad", [{0}, {3}, {6}, {2, 3}, {0, 2, 4, 6}, set(range(7))])
async def test_rows_that_are_refused_become_letters_in_their_places_and_the_others_stay_as_they_are(bad):
    rows = prices(*("NaN" if number in bad else None for number in range(7)))
    plain = listed([JsonConverter(BARE, BARE, (("ctx", b"1"),), PLACEHOLDER).convert(prices(*[None] * 7))])
    found = listed(await encoder(**LETTERS).encode(rows))
    assert len(found) == 7
    for number, (topic, key, value, headers) in enumerate(found):
        if number in bad:
            assert (topic, json.loads(key)["payload"]) == ("dead", {"id": number})
            assert json.loads(value)["payload"]["after"] == {"id": number, "price": "NaN"}
            assert dict(headers)["__connect.errors.source.offset"] == b'{"lsn":%d}' % number
        else:
            assert (topic, key, value, headers) == plain[number]


async def test_a_letter_says_table_topic_place_stage_and_error_in_its_headers():
    ((topic, _, value, headers),) = listed(await encoder(**LETTERS).encode(prices("NaN")))
    told = dict(headers)
    assert topic == "dead"
    assert {name.removeprefix("__connect.errors."): text for name, text in headers if "stacktrace" not in name} == {
        "ctx": b'{"schema":{"type":"string","optional":false},"payload":"1"}',
        "topic": b"p.s.t",
        "source.table": b"s.t",
        "source.partition": b'{"server":"p"}',
        "source.offset": b'{"lsn":0}',
        "connector.name": b"shop",
        "task.id": b"0",
        "stage": b"VALUE_CONVERTER",
        "class.name": b"cdc.converters.change_records.ChangeRecords",
        "exception.class.name": b"cdc.errors.ConversionError",
        "exception.message": b"s.t.price: the numeric NaN has no digits",
    }
    assert b"ConversionError" in (told["__connect.errors.exception.stacktrace"] or b"")
    after = json.loads(value)["schema"]["fields"][1]
    assert after["fields"][1] == {"type": "string", "optional": True, "field": "price"}


async def test_without_tolerance_the_task_fails_and_names_table_key_place_column_and_value():
    with pytest.raises(RecordFailed) as caught:
        await encoder().encode(prices(None, "NaN"))
    assert str(caught.value) == (
        "Connector shop, task 0: the record of table s.t with key {\"id\":1} at {'server': 'p'}, {'lsn': 1} "
        "failed in stage VALUE_CONVERTER (ChangeRecords): s.t.price: the numeric NaN has no digits"
    )
    assert caught.value.remedy.startswith("Set decimal.handling.mode. Mend the cause, or set errors.tolerance to all")


async def test_a_key_that_the_log_lacks_fails_in_the_key_converter():
    rows = batch(("d", OF, (ABSENT, None), None), ("c", OF, None, (1, None)))
    found = listed(await encoder(**LETTERS).encode(rows))
    assert [topic for topic, *_ in found] == ["dead", "dead", "p.s.t"]
    assert [dict(each[3])["__connect.errors.stage"] for each in found[:2]] == [b"KEY_CONVERTER"] * 2
    assert found[1][2] is None  # the tombstone


async def test_transforms_see_records_and_may_leave_them_out_or_send_them_elsewhere():
    def odd_ones_elsewhere(record):
        number = record.key["id"]
        return None if number == 2 else replace(record, topic="odd") if number % 2 else record

    found = listed(await encoder(odd_ones_elsewhere, by_record=True).encode(prices(*[None] * 4)))
    assert [(topic, key) for topic, key, *_ in found] == [
        ("p.s.t", b'{"id":0}'),
        ("odd", b'{"id":1}'),
        ("odd", b'{"id":3}'),
    ]


async def test_no_transform_sees_a_row_that_its_schemas_cannot_carry():
    seen = []

    def note(record):
        seen.append(record.key["id"])
        return record

    found = listed(await encoder(note, by_record=True, **LETTERS).encode(prices(None, "NaN", None)))
    assert [topic for topic, *_ in found] == ["p.s.t", "dead", "p.s.t"]
    assert seen == [0, 2]


async def test_what_a_transform_fails_at_is_kept_as_it_came_from_the_source():
    def fail_at_one(record):
        if record.key["id"] == 1:
            raise ValueError("one is not wanted")
        return replace(record, value=None, value_schema=None)

    found = listed(await encoder(fail_at_one, by_record=True, **LETTERS).encode(prices(None, None, None)))
    assert [(topic, value is None) for topic, _, value, _ in found] == [
        ("p.s.t", True),
        ("dead", False),
        ("p.s.t", True),
    ]
    told = dict(found[1][3])
    assert told["__connect.errors.stage"] == b"TRANSFORMATION"
    assert told["__connect.errors.exception.message"] == b"one is not wanted"
    assert json.loads(found[1][2])["payload"]["after"] == {"id": 1, "price": None}


async def test_other_converters_write_keys_and_values():
    text = StringConverter()
    text.configure({}, is_key=True)
    ((_, key, _, _),) = listed(await encoder(by_record=True, key=text).encode(prices(None)))
    assert key == b"Struct{id=0}"


async def test_a_row_that_only_the_compiled_converter_refuses_is_published_all_the_same():
    made = encoder()

    class Refusing:
        def convert(self, rows):
            raise ConversionError("no", "")

        def convert_rows(self, rows, start, stop):
            return self.convert(rows)

    found = listed(await replace(made, converter=Refusing()).encode(prices(None, None)))
    plain = listed([JsonConverter(BARE, BARE, (("ctx", b"1"),), PLACEHOLDER).convert(prices(None, None))])
    assert found == plain


async def test_a_large_batch_leaves_the_loop_to_others():
    turns = 0

    async def count():
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    other = asyncio.create_task(count())
    await encoder(lambda record: record, by_record=True).encode(prices(*[None] * 500))
    other.cancel()
    assert turns >= 5


def with_asides() -> Any:
    """Return two rows, with a record before them, one between them and one behind."""
    found = prices(None, None)
    for row in (0, 1, 2):
        found.add_aside(SourceRecord(topic="beside", key=str(row), value=row), row=row)
    return found


async def test_records_beside_the_rows_stand_among_them_where_a_transform_may_send_both_to_one_topic():
    found = listed(await encoder(lambda record: replace(record, topic="all"), by_record=True).encode(with_asides()))
    assert [topic for topic, *_ in found] == ["all"] * 5
    values = [json.loads(value or b"null") for _, _, value, _ in found]
    assert [value if isinstance(value, int) else value["after"]["id"] for value in values] == [0, 0, 1, 1, 2]


async def test_records_beside_the_rows_follow_the_compiled_ones_without_their_headers():
    found = listed(await encoder().encode(with_asides()))
    assert [(topic, headers) for topic, _, _, headers in found] == [("p.s.t", (("ctx", b"1"),))] * 2 + [
        ("beside", ())
    ] * 3


async def test_a_batch_of_records_beside_rows_alone_has_no_batch_of_rows():
    alone = prices()
    alone.add_aside(SourceRecord(topic="beside", value=1))
    assert [len(batch) for batch in await encoder().encode(alone)] == [1]


def after(record: SourceRecord) -> SourceRecord:
    """A transform that needs a field of rows."""
    return replace(record, value=record.value["after"])  # type: ignore[index]


def renamed(record: SourceRecord) -> SourceRecord:
    return replace(record, topic=f"x.{record.topic}")


async def test_a_transform_that_cannot_take_a_heartbeat_or_a_mark_is_passed_over_and_the_others_apply():
    alone = prices()
    alone.add_aside(SourceRecord(topic="beats", value={"ts_ms": 1}), sign=True)
    found = listed(await encoder(after, renamed, by_record=True).encode(alone))
    assert [(topic, value) for topic, _, value, _ in found] == [("x.beats", b'{"ts_ms":1}')]


async def test_one_that_cannot_take_a_message_fails():
    alone = prices()
    alone.add_aside(SourceRecord(topic="messages", value={"op": "m"}))
    with pytest.raises(RecordFailed, match="TRANSFORMATION"):
        await encoder(after, by_record=True).encode(alone)
