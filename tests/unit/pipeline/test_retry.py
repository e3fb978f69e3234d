"""Pauses, and which of several errors counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdc.errors import Fenced, KafkaUnavailable, SourceUnavailable
from cdc.pipeline.retry import backoff, root_cause

FENCED, GONE, OOPS = Fenced("another one"), SourceUnavailable("gone"), ZeroDivisionError("oops")


@pytest.mark.parametrize(("attempt", "pause"), [(1, 0.25), (2, 0.5), (5, 4.0), (6, 8.0), (7, 10.0), (100_000, 10.0)])
def test_pauses_double_up_to_the_longest(attempt, pause):
    assert backoff(attempt, 10.0) == pause


@given(st.integers(1, 10**9), st.floats(0.01, 1e6))
def test_no_pause_is_longer_than_the_longest(attempt, longest):
    assert 0 < backoff(attempt, longest) <= longest


def test_a_lone_error_is_its_own_cause():
    assert root_cause(GONE) is GONE


@pytest.mark.parametrize(
    ("errors", "cause"),
    [
        ([GONE, FENCED], FENCED),
        ([FENCED, GONE], FENCED),
        ([GONE, OOPS, FENCED], OOPS),
        ([GONE], GONE),
        ([KafkaUnavailable("x"), GONE], None),
    ],
)
def test_what_no_attempt_can_help_counts_before_the_rest(errors, cause):
    assert root_cause(ExceptionGroup("tasks", errors)) is (cause or errors[0])


def test_groups_inside_groups():
    inner = ExceptionGroup("inner", [GONE, ExceptionGroup("innermost", [FENCED])])
    assert root_cause(ExceptionGroup("outer", [KafkaUnavailable("x"), inner])) is FENCED
