from dataclasses import replace
from typing import ClassVar

import pytest

from cdc.config.definition import Definition
from cdc.connect.herder import TaskId
from cdc.connect.tolerance import ErrorSettings, Stage, StageFailed, Tolerance
from cdc.connect.transformation import TransformationChain
from cdc.model.connect_record import SourceRecord

RECORD = SourceRecord(topic="t", value="v")


class Append:
    """Adds a letter to the value."""

    definition: ClassVar[Definition] = Definition(())

    def __init__(self, letter):
        self.letter = letter
        self.closed = False

    def configure(self, properties):
        pass

    def apply(self, record):
        return replace(record, value=record.value + self.letter)

    def close(self):
        self.closed = True


class Drop(Append):
    def apply(self, record):
        return None


class Refuse(Append):
    def apply(self, record):
        raise ValueError(record.value)


class Unclosable(Append):
    def close(self):
        raise ValueError(self.letter)


class EndsWith:
    """True of values that end with a letter."""

    definition: ClassVar[Definition] = Definition(())

    def __init__(self, letter):
        self.letter = letter
        self.closed = False

    def configure(self, properties):
        pass

    def test(self, record):
        return record.value.endswith(self.letter)

    def close(self):
        self.closed = True


def tolerance():
    return Tolerance(ErrorSettings(), TaskId("shop", 0), clock=lambda: 0.0, sleep=None)  # type: ignore[arg-type]


def test_a_chain_without_steps_changes_nothing():
    assert TransformationChain().apply(RECORD) is RECORD


def test_transforms_apply_in_their_order():
    chain = TransformationChain([(Append("a"), None, False), (Append("b"), None, False)])
    assert chain.apply(RECORD) == SourceRecord(topic="t", value="vab")


@pytest.mark.parametrize(
    ("letter", "negate", "value"), [("v", False, "va"), ("x", False, "v"), ("v", True, "v"), ("x", True, "va")]
)
def test_a_transform_applies_where_its_predicate_is_true_or_negated_where_it_is_false(letter, negate, value):
    chain = TransformationChain([(Append("a"), EndsWith(letter), negate)])
    assert chain.apply(RECORD) == SourceRecord(topic="t", value=value)


def test_a_predicate_sees_the_record_as_the_steps_before_have_left_it():
    chain = TransformationChain([(Append("a"), None, False), (Append("b"), EndsWith("a"), False)])
    assert chain.apply(RECORD) == SourceRecord(topic="t", value="vab")


async def test_a_record_that_is_left_out_goes_no_further():
    chain = TransformationChain([(Drop(""), None, False), (Refuse(""), None, False)])
    assert chain.apply(RECORD) is None
    assert await chain.apply_tolerantly(RECORD, tolerance()) is None


async def test_a_failure_names_the_transform_and_keeps_what_it_raised():
    chain = TransformationChain([(Append("a"), None, False), (Refuse(""), None, False)])
    with pytest.raises(StageFailed) as caught:
        await chain.apply_tolerantly(RECORD, tolerance())
    assert (caught.value.stage, caught.value.executing) == (Stage.TRANSFORMATION, Refuse)
    assert repr(caught.value.error) == "ValueError('va')"


async def test_both_ways_to_apply_it_agree():
    chain = TransformationChain([(Append("a"), EndsWith("v"), False), (Append("b"), EndsWith("a"), True)])
    assert await chain.apply_tolerantly(RECORD, tolerance()) == chain.apply(RECORD)


def test_everything_is_closed_even_if_one_refuses():
    last, predicate = Append("b"), EndsWith("a")
    chain = TransformationChain([(Unclosable("a"), None, False), (last, predicate, False)])
    with pytest.raises(ValueError, match="a"):
        chain.close()
    assert last.closed
    assert predicate.closed
