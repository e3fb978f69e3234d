"""Durations, numbers and events in short form."""

from __future__ import annotations

import pytest

from cdc.cli.demo.wording import (
    parse_duration,
    show_bytes,
    show_clock,
    show_difference,
    show_key,
    show_latency,
    sparkline,
)
from cdc.errors import ConfigError
from cdc.testing.shop.events import Event
from cdc.testing.shop.ledger import Change


@pytest.mark.parametrize(("text", "seconds"), [("20s", 20), ("2m", 120), ("500ms", 0.5), ("1h", 3600), ("1.5s", 1.5)])
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "20", "s", "-1s", "1d", "20 s", "1e3s", "\u0661s"])
def test_what_is_no_duration(text):
    with pytest.raises(ConfigError, match="no duration") as raised:
        parse_duration(text)
    assert "20s" in raised.value.remedy


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "-"), (0.00123, "1.2 ms"), (0.0234, "23 ms"), (0.9994, "999 ms"), (3.21, "3.2 s")]
)
def test_latencies(seconds, text):
    assert show_latency(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(None, "-"), (0, "0 B"), (999, "999 B"), (12_345, "12 kB"), (7_654_321, "7.7 MB")]
)
def test_bytes(count, text):
    assert show_bytes(count) == text


def test_the_clock():
    assert [show_clock(seconds) for seconds in (0, 59.9, 61, 3600)] == ["0:00", "0:59", "1:01", "60:00"]


@pytest.mark.parametrize(
    ("values", "width", "text"),
    [([], 5, ""), ([0, 0], 5, "▁▁"), ([0, 7, 14], 5, "▁▄█"), ([9, 1, 2], 2, "▄█"), ([1, 2], 0, "")],
)
def test_sparklines(values, width, text):
    assert sparkline(values, width) == text


def event(op, before=None, after=None, key=("a",)):
    return Event(Change("orders", key, op, 1), before, after, 0)


def test_an_update_shows_what_changed():
    before = {"id": "a", "status": "paid", "note": None, "on_sale": True, "total": "9.50", "version": 1}
    after = {**before, "status": "shipped", "note": "ring", "on_sale": False, "version": 2}
    assert show_difference(event("u", before, after)) == "status paid → shipped, note null → ring, on_sale true → false"


def test_other_events_show_the_values_that_say_something():
    row = {"id": "a", "customer_id": 7, "status": "placed", "note": None, "placed_at": "2026", "version": 1}
    assert show_difference(event("c", None, row)) == "status placed"
    assert show_difference(event("d", row, None)) == "status placed"


def test_documents_are_shown_by_their_values_and_cut():
    row = {"address": '{"city": "Oslo", "street": "7 High Street"}', "name": "x" * 40}
    assert show_difference(event("c", None, row)) == f"address Oslo 7 High Street, name {'x' * 27}…"


def test_long_keys_are_cut():
    assert show_key(event("c", key=("6ac7e1a0-1111-2222-3333-444444444444", 3))) == "6ac7e1a0/3"
    assert show_key(event("c", key=("SKU-0001",))) == "SKU-0001"
