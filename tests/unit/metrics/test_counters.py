"""What tasks count: averages, rates, attempts, and shares of time."""

from __future__ import annotations

import pytest

from cdc.metrics.counters import Attempts, Measure, Meter, TaskCounts
from cdc.metrics.times import StateTimes


def test_a_measure_knows_average_and_maximum_once_there_is_one():
    measure = Measure()
    assert (measure.average, measure.maximum) == (None, None)
    for value in (2, 6, 1):
        measure.add(value)
    assert (measure.count, measure.average, measure.maximum) == (3, 3, 6)


def test_a_rate_is_not_known_before_something_was_counted():
    meter = Meter()
    assert meter.rate(5) is None
    meter.add(10, 5)
    assert meter.rate(5) is None
    assert meter.rate(7) == 5


def test_a_steady_rate_is_told_at_any_time():
    meter = Meter()
    for second in range(301):
        meter.add(4, second)
        if second >= 30:
            assert meter.rate(second) == pytest.approx(4, abs=0.2)
    assert meter.total == 4 * 301


def test_a_rate_forgets_what_was_more_than_two_windows_ago():
    meter = Meter()
    meter.add(6000, 0)
    assert meter.rate(29) == pytest.approx(6000 / 29)
    assert meter.rate(45) == pytest.approx(6000 / 45)
    assert meter.rate(120) == 0
    meter.add(30, 121)
    assert meter.rate(125) == pytest.approx(1, abs=0.2)
    assert meter.total == 6030


def test_an_attempt_that_raises_has_failed():
    attempts = Attempts()
    with attempts.attempt():
        assert attempts == Attempts(total=1)
    with pytest.raises(ZeroDivisionError), attempts.attempt():
        1 / 0  # noqa: B018
    assert attempts == Attempts(total=2, succeeded=1, failed=1)


def test_the_share_of_commits_that_succeeded_is_known_once_there_was_one():
    assert TaskCounts().commit_success is None
    counts = TaskCounts()
    counts.failed_commits = 1
    assert counts.commit_success == 0
    for _ in range(3):
        counts.commit_seconds.add(0.1)
    assert counts.commit_success == 0.75


def test_shares_of_time_add_up_over_all_stays_in_a_state():
    now = [0.0]
    assert StateTimes().share("RUNNING") is None
    times = StateTimes(clock=lambda: now[0])
    times.enter("RUNNING")
    assert times.share("RUNNING") == 1
    now[0] = 6
    times.enter("PAUSED")
    now[0] = 8
    times.enter("RUNNING")
    now[0] = 10
    assert (times.share("RUNNING"), times.share("PAUSED"), times.share("FAILED")) == (0.8, 0.2, 0)
    times.enter("FAILED")
    now[0] = 20
    assert (times.share("RUNNING"), times.share("PAUSED"), times.share("FAILED")) == (0.4, 0.1, 0.5)
