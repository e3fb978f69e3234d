"""The figures of the demo: counted by table and operation, over the last seconds."""

from __future__ import annotations

import pytest

from cdc.cli.demo.figures import HISTORY_SECONDS, Figures
from cdc.testing.shop.events import Event
from cdc.testing.shop.ledger import Change


class Clock:
    seconds = 100.0

    def __call__(self):
        return self.seconds

    def us(self):
        return int(self.seconds * 1e6)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def figures(clock):
    return Figures(clock, clock.us)


def event(clock, op="u", latency=0.01):
    return Event(Change("orders", ("a",), op, 1), None, {}, int((clock() - latency) * 1e6))


def test_events_are_counted_by_table_and_operation(figures, clock):
    for op in "rrud":
        figures.add(event(clock, op))
    assert figures.counts == {("orders", "r"): 2, ("orders", "u"): 1, ("orders", "d"): 1}
    assert figures.streamed == 2


def test_the_rate_is_that_of_the_last_whole_seconds(figures, clock):
    assert figures.rate() == 0
    for count in (10, 20, 30, 40, 50, 60):
        for _ in range(count):
            figures.add(event(clock))
        clock.seconds += 1
    figures.add(event(clock))
    assert figures.history() == [10, 20, 30, 40, 50, 60]
    assert figures.rate() == 40


def test_seconds_without_events_count(figures, clock):
    figures.add(event(clock))
    clock.seconds += 4
    assert figures.history() == [1, 0, 0, 0]
    assert figures.rate() == 0.25


def test_the_history_is_bounded(figures, clock):
    for _ in range(HISTORY_SECONDS + 50):
        figures.add(event(clock))
        clock.seconds += 1
    assert len(figures.history()) == HISTORY_SECONDS
    assert len(figures._seconds) == HISTORY_SECONDS


def test_the_latency_is_from_commit_to_reader(figures, clock):
    for number in range(1, 101):
        figures.add(event(clock, latency=number / 1000))
    assert figures.latency(0.50) == pytest.approx(0.051, abs=1e-6)
    assert figures.latency(0.99) == pytest.approx(0.100, abs=1e-6)


def test_the_latency_forgets_what_is_long_ago(figures, clock):
    figures.add(event(clock, latency=3))
    clock.seconds += 6
    assert figures.latency(0.99) is None
    figures.add(event(clock, latency=0.5))
    assert figures.latency(0.99) == pytest.approx(0.5)


def test_snapshot_rows_have_no_latency_and_no_rate(figures, clock):
    figures.add(event(clock, "r", latency=9))
    clock.seconds += 1
    assert (figures.latency(0.5), figures.rate(), list(figures.recent)) == (None, 0, [])
