"""What every `Converter` must do.

Subclass `ConverterConformance` as a test class, and say what is converted:

    class TestMyConverter(ConverterConformance):
        @pytest.fixture
        def converter(self):
            return MyConverter

        @pytest.fixture
        def samples(self):
            return [(INT64, 5), (STRING, "x")]

        @pytest.fixture
        def misfits(self):
            return [(INT64, "x")]

`converter` is the class, or anything that returns a new converter that was configured. `samples` are schemas and values that come back
as they went, `misfits` those that the converter must refuse.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

import pytest

from cdc.converters.base import Converter
from cdc.errors import ConfigError, ConversionError
from cdc.model.connect_record import SchemaAndValue
from cdc.model.schema import Schema
from cdc.testing.conformance.plugin import UNKNOWN, assert_documented, assert_remedy
from cdc.testing.conformance.records import odd_values

Sample: TypeAlias = tuple[Schema | None, object]
TOPIC = "shop.orders"


def damaged(data: bytes) -> Iterator[bytes]:
    """Return the data cut off at each byte, without each byte, with each byte changed, and with something behind it."""
    for at in range(len(data)):
        yield data[:at]
        yield data[:at] + data[at + 1 :]
        yield data[:at] + bytes([data[at] ^ 0x80]) + data[at + 1 :]
        yield data[:at] + b"[" + data[at + 1 :]
    yield data + b"\x00"


def equal(one: object, other: object) -> bool:
    """Whether two values are equal and of the same type, all through; NaN equals NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other or (one != one and other != other)  # noqa: PLR0124


class ConversionConformance:
    """What holds for keys, values and headers alike, by `write` and `read`."""

    def write(self, converter: object, sample: Sample) -> bytes | None:
        """Convert one way."""
        raise NotImplementedError

    def read(self, converter: object, data: bytes | None) -> SchemaAndValue:
        """Convert the other way."""
        raise NotImplementedError

    def test_its_properties_are_documented(self, converter: Callable[[], Any]) -> None:
        assert_documented(converter().definition)

    def test_null_is_null_both_ways(self, converter: Callable[[], object]) -> None:
        assert self.write(converter(), (None, None)) is None
        assert self.read(converter(), None).value is None

    def test_every_value_comes_back(self, converter: Callable[[], object], samples: Sequence[Sample]) -> None:
        writer, reader = converter(), converter()
        for sample in samples:
            read = self.read(reader, self.write(writer, sample))
            assert equal(read.value, sample[1]), f"{sample} came back as {read}"

    def test_the_same_value_has_the_same_bytes(
        self, converter: Callable[[], object], samples: Sequence[Sample]
    ) -> None:
        used = converter()
        first = [self.write(used, sample) for sample in samples]
        assert [self.write(used, sample) for sample in samples] == first
        assert [self.write(converter(), sample) for sample in samples] == first

    def test_what_was_read_can_be_written_again(
        self, converter: Callable[[], object], samples: Sequence[Sample]
    ) -> None:
        used = converter()
        for sample in samples:
            data = self.write(used, sample)
            read = self.read(used, data)
            assert self.write(used, (read.schema, read.value)) == data, f"{sample} became {read}"

    def test_damaged_bytes_are_another_value_or_an_error(
        self, converter: Callable[[], object], samples: Sequence[Sample]
    ) -> None:
        used = converter()
        for sample in samples:
            for data in damaged(self.write(used, sample) or b""):
                # Any other error fails the test.
                with suppress(ConversionError):
                    assert isinstance(self.read(used, data), SchemaAndValue)

    def test_what_does_not_fit_is_refused_with_a_remedy(
        self, converter: Callable[[], object], misfits: Sequence[Sample]
    ) -> None:
        for sample in misfits:
            with pytest.raises(ConversionError) as refused:
                self.write(converter(), sample)
            assert TOPIC in str(refused.value)
            assert_remedy(refused.value)

    def test_every_value_under_every_schema_becomes_bytes_or_an_error(self, converter: Callable[[], object]) -> None:
        used = converter()
        schemas, values = zip(*odd_values(), strict=True)
        for schema, value in itertools.product(schemas, values):
            # Any other error fails the test.
            with suppress(ConversionError):
                data = self.write(used, (schema, value))
                assert data is None or isinstance(data, bytes)
                self.read(used, data)


class ConverterConformance(ConversionConformance):
    """The tests of a converter of keys and values; see the module for how to use it."""

    def write(self, converter: object, sample: Sample) -> bytes | None:
        used: Converter = converter  # type: ignore[assignment]
        return used.from_connect_data(TOPIC, *sample)

    def read(self, converter: object, data: bytes | None) -> SchemaAndValue:
        used: Converter = converter  # type: ignore[assignment]
        return used.to_connect_data(TOPIC, data)

    @pytest.mark.parametrize("is_key", [True, False])
    def test_unknown_properties_are_refused(self, converter: Callable[[], Converter], is_key: bool) -> None:
        with pytest.raises(ConfigError, match=r"no\.such\.property"):
            converter().configure(UNKNOWN, is_key=is_key)
