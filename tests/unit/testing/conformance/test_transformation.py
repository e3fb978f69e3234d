"""The suite of transforms lets good ones pass, and each of its checks catches a broken one."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from cdc.config.definition import Definition
from cdc.config.property import REQUIRED, Property, Type
from cdc.errors import ConversionError
from cdc.model.connect_record import Header, SinkRecord, SourceRecord
from cdc.model.schema import STRING
from cdc.testing.conformance.transformation import TransformationConformance
from tests.unit.testing.conformance.suites import catches, checks

RECORDS = [SourceRecord(topic="orders", value={"id": 1, "name": "a"})]


class DropField:
    """Leaves a field out of a value without schema, and refuses others."""

    definition: Any = Definition([Property("field", Type.STRING, REQUIRED, "The field that is left out.")])

    def configure(self, properties):
        self.field = self.definition.parse(properties).string("field")

    def apply(self, record):
        if record.value is None:
            return record
        if not isinstance(record.value, dict) or record.value_schema is not None:
            raise ConversionError(f"the value of a record of {record.topic} is no plain object", "Leave it out before.")
        return replace(record, value={name: each for name, each in record.value.items() if name != self.field})

    def close(self): ...


class WithoutTombstones:
    """Leaves records without a value out."""

    definition = Definition([])

    def configure(self, properties):
        self.definition.parse(properties)

    def apply(self, record):
        return None if record.value is None else record

    def close(self): ...


class TestDropField(TransformationConformance):
    @pytest.fixture
    def transformation(self):
        return DropField

    @pytest.fixture
    def properties(self):
        return {"field": "id"}

    @pytest.fixture
    def records(self):
        return RECORDS


class TestWithoutTombstones(TestDropField):
    @pytest.fixture
    def transformation(self):
        return WithoutTombstones

    @pytest.fixture
    def properties(self):
        return {}


class WithoutDoc(DropField):
    definition = Definition([Property("field", Type.STRING, REQUIRED, " ")])


class WithoutDefinition(DropField):
    definition = "field"


class TakingAnyProperty(DropField):
    def configure(self, properties):
        self.field = properties["field"]


class RaisingWithoutProperties(DropField):
    def configure(self, properties):
        self.definition.parse({"field": properties["field"], **properties})
        self.field = properties["field"]


class RefusingItsOwn(DropField):
    def apply(self, record):
        raise ConversionError("no", "Do not.")


class RaisingOnOddRecords(DropField):
    def apply(self, record):
        return replace(record, value={name: each for name, each in record.value.items() if name != self.field})


class RefusingWithoutRemedy(DropField):
    def apply(self, record):
        try:
            return super().apply(record)
        except ConversionError as error:
            raise ConversionError(str(error)) from error


class ReturningValues(DropField):
    def apply(self, record):
        found = super().apply(record)
        return found and found.value


class MakingSourceRecords(DropField):
    def apply(self, record):
        return SourceRecord(topic=record.topic, value=super().apply(record).value)


class LeavingNoTopic(DropField):
    def apply(self, record):
        return replace(super().apply(record), topic="")


class WithAListOfHeaders(DropField):
    def apply(self, record):
        return replace(super().apply(record), headers=[*record.headers])


class WithPairsAsHeaders(DropField):
    def apply(self, record):
        return replace(super().apply(record), headers=(("name", b"value"),))


class ChangingTheValueInPlace(DropField):
    def apply(self, record):
        if isinstance(record.value, dict):
            record.value.pop(self.field, None)
        return record


class ChangingAHeaderInPlace(DropField):
    def apply(self, record):
        for header in record.headers:
            object.__setattr__(header, "value", None)
        return record


class LosingTheOrigin(DropField):
    def apply(self, record):
        found = super().apply(record)
        return replace(found, source_offset={}) if isinstance(found, SourceRecord) else found


class RenamingTheOrigin(DropField):
    def apply(self, record):
        found = super().apply(record)
        return replace(found, original_topic="other") if isinstance(found, SinkRecord) else found


class Counting(DropField):
    counter = itertools.count()

    def apply(self, record):
        header = Header("number", STRING, str(next(self.counter)))
        return replace(super().apply(record), headers=(header,))


class ClosingOnce(DropField):
    def close(self):
        del self.field


class ClosingOnlyWhatWasUsed(DropField):
    def apply(self, record):
        self.used = True
        return super().apply(record)

    def close(self):
        assert self.used


BROKEN = {
    WithoutDoc: "its_properties_are_documented",
    WithoutDefinition: "its_properties_are_documented",
    TakingAnyProperty: "it_takes_its_properties_and_no_others",
    RaisingWithoutProperties: "it_takes_its_properties_and_no_others",
    RefusingItsOwn: "its_own_records_are_taken",
    RaisingOnOddRecords: "every_record_becomes_one_of_its_kind_or_none_or_an_error",
    RefusingWithoutRemedy: "every_record_becomes_one_of_its_kind_or_none_or_an_error",
    ReturningValues: "every_record_becomes_one_of_its_kind_or_none_or_an_error",
    MakingSourceRecords: "every_record_becomes_one_of_its_kind_or_none_or_an_error",
    LeavingNoTopic: "every_record_becomes_one_of_its_kind_or_none_or_an_error",
    WithAListOfHeaders: "every_record_becomes_one_of_its_kind_or_none_or_an_error",
    WithPairsAsHeaders: "every_record_becomes_one_of_its_kind_or_none_or_an_error",
    ChangingTheValueInPlace: "a_record_stays_as_it_was",
    ChangingAHeaderInPlace: "a_record_stays_as_it_was",
    LosingTheOrigin: "a_record_keeps_its_origin",
    RenamingTheOrigin: "a_record_keeps_its_origin",
    Counting: "the_same_record_becomes_the_same_always",
    ClosingOnce: "it_can_be_closed_unused_and_again",
    ClosingOnlyWhatWasUsed: "it_can_be_closed_unused_and_again",
}


@pytest.mark.parametrize(("broken", "check"), BROKEN.items(), ids=lambda each: getattr(each, "__name__", None))
async def test_a_broken_transform_is_caught(broken, check):
    given = {"transformation": broken, "properties": {"field": "id"}, "records": RECORDS}
    assert await catches(TransformationConformance, check, **given)


def test_every_check_has_caught_one():
    assert sorted(set(BROKEN.values())) == checks(TransformationConformance)
