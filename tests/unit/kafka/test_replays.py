"""Notes of what was put back, as far as they need no broker."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cdc.kafka.consumer import ConsumedRecord
from cdc.kafka.replays import Note, Notes, fingerprint

LETTER = ConsumedRecord("dlq", 0, 17, 7, b"k", b"v", (("h", b"1"),))
NOTES = Notes({(0, 17): Note("orders", 9, fingerprint(LETTER))})


def test_a_note_is_about_the_letter_at_its_place():
    assert NOTES.about(LETTER) == Note("orders", 9, fingerprint(LETTER))
    assert NOTES.about(replace(LETTER, offset=18)) is None
    assert NOTES.about(replace(LETTER, partition=1)) is None


@pytest.mark.parametrize(
    "change", [{"value": None}, {"value": b""}, {"key": None}, {"headers": (("h", b"2"),)}, {"timestamp_ms": 8}]
)
def test_a_note_is_not_about_another_letter_at_the_same_place(change):
    assert NOTES.about(replace(LETTER, **change)) is None
