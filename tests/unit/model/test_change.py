"""A row as Python code sees it."""

from __future__ import annotations

import pytest

from cdc.model.batch import ChangeBatch
from cdc.model.change import read_event
from cdc.model.event import ABSENT
from cdc.model.schema import FLOAT64, INT64, STRING, ConnectType, Field, Schema, array, struct
from cdc.model.table import TableId
from tests.unit.converters.tables import table

TABLE = table(INT64, STRING)


def events(*changes, of=TABLE):
    batch = ChangeBatch()
    for op, before, after in changes:
        batch.add(op, of, before, after, (42,))
    return [read_event(batch, index) for index in range(len(batch))]


def test_its_values_have_names():
    (event,) = events(("c", None, (1, "x")))
    assert (event.op, event.table, event.key) == ("c", TableId("s", "t"), {"a": 1})
    assert (event.before, event.after) == (None, {"a": 1, "b": "x"})
    assert event.source == {"name": "p", "lsn": 42}


def test_what_a_value_holds_has_names_too():
    point = struct("Point", (Field("x", FLOAT64), Field("y", FLOAT64)), optional=True)
    labels = Schema(ConnectType.MAP, keys=STRING, values=array(point).as_optional())
    of = table(INT64, point, labels, array(labels))
    (event,) = events(("c", None, (1, (1.0, 2.5), ("a", ((3.0, 4.0), None), "b", None), (("c", ()),))), of=of)
    assert event.after == {
        "a": 1,
        "b": {"x": 1.0, "y": 2.5},
        "c": {"a": [{"x": 3.0, "y": 4.0}, None], "b": None},
        "d": [{"c": []}],
    }


def test_a_key_change_is_two_events_and_a_tombstone():
    deleted, tombstone, created = events(("u", (1, ABSENT), (2, "x")))
    assert (deleted.op, deleted.key, deleted.before, deleted.after) == ("d", {"a": 1}, {"a": 1, "b": ABSENT}, None)
    assert (tombstone.op, tombstone.key, tombstone.before, tombstone.after) == ("", {"a": 1}, None, None)
    assert (created.op, created.key, created.after) == ("c", {"a": 2}, {"a": 2, "b": "x"})


def test_without_key():
    (event,) = events(("c", None, (1, "x")), of=table(INT64, STRING, key=()))
    assert event.key is None


def test_beyond_the_end():
    with pytest.raises(IndexError):
        read_event(ChangeBatch(), 0)
