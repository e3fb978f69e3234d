"""What every `Transformation` must do.

Subclass `TransformationConformance` as a test class, and say what is transformed:

    class TestMyTransform(TransformationConformance):
        @pytest.fixture
        def transformation(self):
            return MyTransform

        @pytest.fixture
        def properties(self):
            return {"field": "id"}

        @pytest.fixture
        def records(self):
            return [SourceRecord(topic="t", value={"id": 1})]

`transformation` is the class, or anything that returns a new transform that was not configured. `properties` is a configuration that it
takes, `records` are some that it takes too. The suite adds records of every kind (`cdc.testing.conformance.records`), which it may take
or refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cdc.errors import ConversionError
from cdc.model.connect_record import ConnectRecord, Header, SinkRecord, SourceRecord
from cdc.testing.conformance.plugin import assert_configurable, assert_documented, assert_remedy, configured
from cdc.testing.conformance.records import odd_records, origin
from cdc.transforms.base import Transformation

New = Callable[[], Transformation]
Properties = Mapping[str, str]


def outcome(made: Any, record: ConnectRecord) -> object:
    """Return what becomes of a record; a refusal that has a remedy is an outcome too, and no other error is."""
    try:
        return made.apply(record)
    except ConversionError as error:
        assert_remedy(error)
        return error


class TransformationConformance:
    """The tests; see the module for how to use it."""

    def test_its_properties_are_documented(self, transformation: New) -> None:
        assert_documented(transformation().definition)

    def test_it_takes_its_properties_and_no_others(self, transformation: New, properties: Properties) -> None:
        assert_configurable(transformation, properties)

    def test_its_own_records_are_taken(
        self, transformation: New, properties: Properties, records: Sequence[ConnectRecord]
    ) -> None:
        assert records, "give an example"
        made = configured(transformation, properties)
        for record in records:
            assert not isinstance(found := outcome(made, record), Exception), found

    def test_every_record_becomes_one_of_its_kind_or_none_or_an_error(
        self, transformation: New, properties: Properties, records: Sequence[ConnectRecord]
    ) -> None:
        made = configured(transformation, properties)
        for record in (*records, *odd_records()):
            found = outcome(made, record)
            if found is None or isinstance(found, ConversionError):
                continue
            kind = SourceRecord if isinstance(record, SourceRecord) else SinkRecord
            assert isinstance(found, kind), f"{record} became {found!r}"
            assert isinstance(found.topic, str)
            assert found.topic, f"{record} goes to no topic"
            assert isinstance(found.headers, tuple)
            assert all(isinstance(header, Header) for header in found.headers)

    def test_a_record_stays_as_it_was(
        self, transformation: New, properties: Properties, records: Sequence[ConnectRecord]
    ) -> None:
        made = configured(transformation, properties)
        for record in (*records, *odd_records()):
            before = repr(record)
            outcome(made, record)
            assert repr(record) == before

    def test_a_record_keeps_its_origin(
        self, transformation: New, properties: Properties, records: Sequence[ConnectRecord]
    ) -> None:
        made = configured(transformation, properties)
        for record in (*records, *odd_records()):
            found = outcome(made, record)
            if isinstance(found, (SourceRecord, SinkRecord)):
                assert origin(found) == origin(record)

    def test_the_same_record_becomes_the_same_always(
        self, transformation: New, properties: Properties, records: Sequence[ConnectRecord]
    ) -> None:
        used = configured(transformation, properties)
        first = [repr(outcome(used, record)) for record in (*records, *odd_records())]
        for made in (used, configured(transformation, properties)):
            assert [repr(outcome(made, record)) for record in (*records, *odd_records())] == first

    def test_it_can_be_closed_unused_and_again(self, transformation: New, properties: Properties) -> None:
        made = configured(transformation, properties)
        made.close()
        made.close()
