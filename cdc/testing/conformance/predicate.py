"""What every `Predicate` must do.

Subclass `PredicateConformance` as a test class, and say what is tested:

    class TestMyPredicate(PredicateConformance):
        @pytest.fixture
        def predicate(self):
            return MyPredicate

        @pytest.fixture
        def properties(self):
            return {"topic": "orders"}

        @pytest.fixture
        def fulfilling(self):
            return [SourceRecord(topic="orders")]

        @pytest.fixture
        def others(self):
            return [SourceRecord(topic="items")]

`predicate` is the class, or anything that returns a new predicate that was not configured. `properties` is a configuration that it takes;
by it, `fulfilling` are records that fulfil it, and `others` are some that do not. The suite adds records of every kind
(`cdc.testing.conformance.records`), for each of which it must have an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cdc.model.connect_record import ConnectRecord
from cdc.testing.conformance.plugin import assert_configurable, assert_documented, configured
from cdc.testing.conformance.records import odd_records
from cdc.transforms.base import Predicate

New = Callable[[], Predicate]
Properties = Mapping[str, str]


class PredicateConformance:
    """The tests; see the module for how to use it."""

    def test_its_properties_are_documented(self, predicate: New) -> None:
        assert_documented(predicate().definition)

    def test_it_takes_its_properties_and_no_others(self, predicate: New, properties: Properties) -> None:
        assert_configurable(predicate, properties)

    def test_it_tells_records_apart(
        self,
        predicate: New,
        properties: Properties,
        fulfilling: Sequence[ConnectRecord],
        others: Sequence[ConnectRecord],
    ) -> None:
        assert fulfilling, "give an example"
        assert others, "give an example"
        made = configured(predicate, properties)
        for record in fulfilling:
            assert made.test(record) is True, f"{record} fulfils it"
        for record in others:
            assert made.test(record) is False, f"{record} does not fulfil it"

    def test_every_record_has_an_answer_which_is_always_the_same(self, predicate: New, properties: Properties) -> None:
        used = configured(predicate, properties)
        first = [used.test(record) for record in odd_records()]
        assert all(isinstance(answer, bool) for answer in first), first
        for made in (used, configured(predicate, properties)):
            assert [made.test(record) for record in odd_records()] == first

    def test_a_record_stays_as_it_was(self, predicate: New, properties: Properties) -> None:
        made = configured(predicate, properties)
        for record in odd_records():
            before = repr(record)
            made.test(record)
            assert repr(record) == before

    def test_it_can_be_closed_unused_and_again(self, predicate: New, properties: Properties) -> None:
        made = configured(predicate, properties)
        made.close()
        made.close()
