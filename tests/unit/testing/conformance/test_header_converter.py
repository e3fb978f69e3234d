"""The suite of converters lets a good one pass, and each of its checks catches a broken one.

The suites of both kinds share their checks, but for what `configure` takes.
"""

from __future__ import annotations

import itertools

import pytest

from cdc.config.definition import Definition
from cdc.config.property import Property, Type
from cdc.errors import ConversionError
from cdc.model.connect_record import SchemaAndValue
from cdc.model.schema import INT64, STRING
from cdc.testing.conformance.converter import ConverterConformance
from cdc.testing.conformance.header_converter import HeaderConverterConformance
from tests.unit.testing.conformance.suites import catches, checks

SAMPLES = [(STRING, "a"), (STRING, "Grüße")]
MISFITS = [(STRING, b"a"), (INT64, 5)]


class Utf8:
    """Texts alone."""

    definition = Definition([Property("note", Type.STRING, "", "Not used.")])

    def __init__(self):
        self.configure({})

    def configure(self, properties, *, is_key=False):
        self.definition.parse(properties)

    def write(self, where, schema, value):
        if value is None:
            return None
        if not isinstance(value, str) or schema not in {STRING, None}:
            raise ConversionError(f"{where} holds a {type(value).__name__}, no text", "Take another converter.")
        return value.encode()

    def read(self, where, data):
        if data is None:
            return SchemaAndValue(None, None)
        try:
            return SchemaAndValue(STRING, data.decode())
        except UnicodeDecodeError as error:
            raise ConversionError(f"{where} is not UTF-8", "Correct its producer.") from error

    def from_connect_data(self, topic, schema, value):
        return self.write(topic, schema, value)

    def to_connect_data(self, topic, data):
        return self.read(topic, data)

    def from_connect_header(self, topic, key, schema, value):
        return self.write(f"{topic}/{key}", schema, value)

    def to_connect_header(self, topic, key, data):
        return self.read(f"{topic}/{key}", data)


class TestHeaders(HeaderConverterConformance):
    @pytest.fixture
    def converter(self):
        return Utf8

    @pytest.fixture
    def samples(self):
        return SAMPLES

    @pytest.fixture
    def misfits(self):
        return MISFITS


class TestValues(ConverterConformance):
    converter, samples, misfits = TestHeaders.converter, TestHeaders.samples, TestHeaders.misfits


class WithoutDoc(Utf8):
    definition = Definition([Property("note", Type.STRING, "", "")])


class TakingAnyProperty(Utf8):
    def configure(self, properties, *, is_key=False): ...


class WritingNullAsText(Utf8):
    def write(self, where, schema, value):
        return b"null" if value is None else super().write(where, schema, value)


class WritingInCapitals(Utf8):
    def write(self, where, schema, value):
        return super().write(where, schema, value.upper() if isinstance(value, str) else value)


class Numbering(Utf8):
    counter = itertools.count()

    def write(self, where, schema, value):
        data = super().write(where, schema, value)
        return data and data + str(next(self.counter)).encode()


class ReadingWhatItCannotWrite(Utf8):
    def read(self, where, data):
        found = super().read(where, data)
        return found if found.value is None else SchemaAndValue(INT64, found.value)


class RaisingOnDamage(Utf8):
    def read(self, where, data):
        return SchemaAndValue(STRING, data if data is None else data.decode())


class TakingWhatDoesNotFit(Utf8):
    def write(self, where, schema, value):
        return None if value is None else str(value).encode()


class RefusingWithoutRemedy(Utf8):
    def write(self, where, schema, value):
        try:
            return super().write(where, schema, value)
        except ConversionError as error:
            raise ConversionError(str(error)) from error


class RefusingWithoutSayingWhere(Utf8):
    def write(self, where, schema, value):
        return super().write("it", schema, value)


class RaisingOnOddValues(Utf8):
    def write(self, where, schema, value):
        return None if value is None else value.encode()


BROKEN = {
    WithoutDoc: "its_properties_are_documented",
    TakingAnyProperty: "unknown_properties_are_refused",
    WritingNullAsText: "null_is_null_both_ways",
    WritingInCapitals: "every_value_comes_back",
    Numbering: "the_same_value_has_the_same_bytes",
    ReadingWhatItCannotWrite: "what_was_read_can_be_written_again",
    RaisingOnDamage: "damaged_bytes_are_another_value_or_an_error",
    TakingWhatDoesNotFit: "what_does_not_fit_is_refused_with_a_remedy",
    RefusingWithoutRemedy: "what_does_not_fit_is_refused_with_a_remedy",
    RefusingWithoutSayingWhere: "what_does_not_fit_is_refused_with_a_remedy",
    RaisingOnOddValues: "every_value_under_every_schema_becomes_bytes_or_an_error",
}


@pytest.mark.parametrize("suite", [HeaderConverterConformance, ConverterConformance])
@pytest.mark.parametrize(("broken", "check"), BROKEN.items(), ids=lambda each: getattr(each, "__name__", None))
async def test_a_broken_converter_is_caught(suite, broken, check):
    given = {"converter": broken, "samples": SAMPLES, "misfits": MISFITS, "is_key": True}
    assert await catches(suite, check, **given)


@pytest.mark.parametrize("suite", [HeaderConverterConformance, ConverterConformance])
def test_every_check_has_caught_one(suite):
    assert sorted(set(BROKEN.values())) == checks(suite)
