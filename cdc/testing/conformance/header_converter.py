"""What every `HeaderConverter` must do.

Subclass `HeaderConverterConformance` as a test class, and say what is converted:

    class TestMyConverter(HeaderConverterConformance):
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

from collections.abc import Callable

import pytest

from cdc.converters.base import HeaderConverter
from cdc.errors import ConfigError
from cdc.model.connect_record import SchemaAndValue
from cdc.testing.conformance.converter import TOPIC, ConversionConformance, Sample
from cdc.testing.conformance.plugin import UNKNOWN

HEADER = "trace"


class HeaderConverterConformance(ConversionConformance):
    """The tests; see the module for how to use it."""

    def write(self, converter: object, sample: Sample) -> bytes | None:
        used: HeaderConverter = converter  # type: ignore[assignment]
        return used.from_connect_header(TOPIC, HEADER, *sample)

    def read(self, converter: object, data: bytes | None) -> SchemaAndValue:
        used: HeaderConverter = converter  # type: ignore[assignment]
        return used.to_connect_header(TOPIC, HEADER, data)

    def test_unknown_properties_are_refused(self, converter: Callable[[], HeaderConverter]) -> None:
        with pytest.raises(ConfigError, match=r"no\.such\.property"):
            converter().configure(UNKNOWN)
