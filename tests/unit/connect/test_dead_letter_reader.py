"""What is read from Connect's headers, and which letters are meant."""

from __future__ import annotations

import pytest

from cdc.connect.dead_letter_reader import Letter, Place, Selection
from cdc.connect.dead_letters import dead_letter
from cdc.connect.herder import TaskId
from cdc.connect.tolerance import ErrorSettings, Stage, StageFailed
from cdc.errors import ConfigError
from cdc.kafka.consumer import ConsumedRecord

SETTINGS = ErrorSettings(dead_letter_topic="dlq", dead_letter_headers=True)


def written(headers=()):
    """Return a letter as our sinks write it."""
    record = ConsumedRecord("orders", 2, 5, 7, b"k", b"v", headers)
    found = dead_letter(
        record, StageFailed(Stage.TASK_PUT, int, ValueError("no number\nat all")), TaskId("copy", 1), SETTINGS
    )
    return Letter.of(ConsumedRecord("dlq", 0, 17, 7, found.key, found.value, found.headers))  # type: ignore[arg-type]


def test_a_letter_says_where_it_came_from_and_what_failed():
    letter = written(headers=(("own", b"1"),))
    assert (letter.place, letter.origin) == (Place(0, 17), "orders-2@5")
    assert (letter.connector, letter.stage, letter.topic) == ("copy", "TASK_PUT", "orders")
    assert letter.problem == "ValueError: no number"
    assert letter.headers == (("own", b"1"),)
    assert not letter.from_source


def test_of_headers_that_stand_there_twice_the_last_one_counts():
    letter = Letter.of(
        ConsumedRecord("dlq", 0, 0, 0, None, None, tuple(("__connect.errors.topic", t) for t in (b"old", b"new")))
    )
    assert letter.topic == "new"
    assert letter.headers == ()


def test_headers_that_are_null_or_no_text_are_read():
    headers = (("__connect.errors.exception.message", None), ("__connect.errors.topic", b"a\xff"))
    letter = Letter.of(ConsumedRecord("dlq", 0, 0, 0, None, None, headers))  # type: ignore[arg-type]
    assert letter.problem == ""
    assert letter.topic == "a\\xff"


@pytest.mark.parametrize("text", ["", "7", "0:", ":7", "-1:7", "0:7:1", "²:1", "0:1.0", " 0:1"])
def test_what_is_no_place_is_refused(text):
    with pytest.raises(ConfigError, match="is not the place of a letter"):
        Place.parse(text)


@pytest.mark.parametrize(
    ("selection", "taken"),
    [
        (Selection(), True),
        (Selection.at(["0:17", "1:1"]), True),
        (Selection.at(["0:16", "1:17"]), False),
        (Selection(connector="copy", stage="task_put"), True),
        (Selection(connector="cop"), False),
        (Selection(connector="copy", stage="KEY_CONVERTER"), False),
    ],
)
def test_a_selection_takes_what_fits_all_that_it_says(selection, taken):
    assert selection.takes(written()) is taken
