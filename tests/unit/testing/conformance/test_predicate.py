"""The suite of predicates lets a good one pass, and each of its checks catches a broken one."""

from __future__ import annotations

import itertools

import pytest

from cdc.config.definition import Definition
from cdc.config.property import REQUIRED, Property, Type
from cdc.model.connect_record import Header, SourceRecord
from cdc.testing.conformance.predicate import PredicateConformance
from tests.unit.testing.conformance.suites import catches, checks

PROPERTIES = {"name": "trace"}
FULFILLING = [SourceRecord(topic="t", headers=(Header("other", None, 1), Header("trace", None, None)))]
OTHERS = [SourceRecord(topic="t"), SourceRecord(topic="t", headers=(Header("Trace", None, 1),))]


class HasHeader:
    """Whether there is a header of a name."""

    definition = Definition([Property("name", Type.STRING, REQUIRED, "The header's name.")])

    def configure(self, properties):
        self.name = self.definition.parse(properties).string("name")

    def test(self, record):
        return any(header.key == self.name for header in record.headers)

    def close(self): ...


class TestHasHeader(PredicateConformance):
    @pytest.fixture
    def predicate(self):
        return HasHeader

    @pytest.fixture
    def properties(self):
        return PROPERTIES

    @pytest.fixture
    def fulfilling(self):
        return FULFILLING

    @pytest.fixture
    def others(self):
        return OTHERS


class WithoutDoc(HasHeader):
    definition = Definition([Property("name", Type.STRING, REQUIRED, "")])


class TakingAnyProperty(HasHeader):
    def configure(self, properties):
        self.name = properties.get("name", "")


class AlwaysTrue(HasHeader):
    def test(self, record):
        return True


class NeverTrue(HasHeader):
    def test(self, record):
        return False


class AnsweringWithTheHeaders(HasHeader):
    def test(self, record):
        return [header for header in record.headers if header.key == self.name]


class RaisingWithoutValue(HasHeader):
    def test(self, record):
        return len(record.value) > 0


class Counting(HasHeader):
    counter = itertools.count()

    def test(self, record):
        return next(self.counter) % 5 == 0


class TakingHeadersAway(HasHeader):
    def test(self, record):
        found = super().test(record)
        object.__setattr__(record, "headers", ())
        return found


class ClosingOnce(HasHeader):
    def close(self):
        del self.name


BROKEN = {
    WithoutDoc: "its_properties_are_documented",
    TakingAnyProperty: "it_takes_its_properties_and_no_others",
    AlwaysTrue: "it_tells_records_apart",
    NeverTrue: "it_tells_records_apart",
    AnsweringWithTheHeaders: "every_record_has_an_answer_which_is_always_the_same",
    RaisingWithoutValue: "every_record_has_an_answer_which_is_always_the_same",
    Counting: "every_record_has_an_answer_which_is_always_the_same",
    TakingHeadersAway: "a_record_stays_as_it_was",
    ClosingOnce: "it_can_be_closed_unused_and_again",
}


@pytest.mark.parametrize(("broken", "check"), BROKEN.items(), ids=lambda each: getattr(each, "__name__", None))
async def test_a_broken_predicate_is_caught(broken, check):
    given = {"predicate": broken, "properties": PROPERTIES, "fulfilling": FULFILLING, "others": OTHERS}
    assert await catches(PredicateConformance, check, **given)


def test_every_check_has_caught_one():
    assert sorted(set(BROKEN.values())) == checks(PredicateConformance)
