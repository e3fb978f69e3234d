"""Snapshots in stored offsets: which one is taken again, and which one nothing would go on with."""

from __future__ import annotations

import json

import pytest

from cdc.model.position import Json, Offset
from cdc.snapshot.stored import unfinished, was_interrupted

COLLECTIONS = json.dumps([{"incremental_snapshot_collections_id": f"d.{name}"} for name in "ab"])
PLACE: Offset = {"file": "binlog.000001", "pos": 4}
OTHERS: list[dict[str, Json]] = [
    {},
    {"snapshot": None},
    {"snapshot": False},
    {"snapshot": "INITIAL", "snapshot_completed": True},
    {"snapshot": "true", "snapshot_completed": "true"},
    {"snapshot": "INCREMENTAL"},
    {"snapshot": "INCREMENTAL", "snapshot_completed": False},
    {"snapshot": "BLOCKING", "snapshot_completed": False},
]


@pytest.mark.parametrize("word", [True, "true", "INITIAL"])
def test_an_initial_snapshot_that_was_cut_short_was_interrupted(word):
    assert was_interrupted({**PLACE, "snapshot": word})
    assert was_interrupted({**PLACE, "snapshot": word, "snapshot_completed": False})
    assert unfinished({**PLACE, "snapshot": word}) is None


@pytest.mark.parametrize("stored", OTHERS)
def test_no_other_one_is_taken_again(stored):
    assert not was_interrupted({**PLACE, **stored})


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        (
            {"snapshot": "INCREMENTAL", "incremental_snapshot_collections": COLLECTIONS},
            "an incremental .* of d.a, d.b,",
        ),
        ({"incremental_snapshot_collections": COLLECTIONS}, "an incremental .* of d.a, d.b,"),
        ({"incremental_snapshot_collections": "no json"}, "an incremental .* of no json,"),
        ({"snapshot": "INCREMENTAL"}, "an incremental snapshot, whose"),
        ({"snapshot": "BLOCKING"}, "a blocking snapshot, whose"),
    ],
)
def test_one_that_debezium_was_asked_for_is_an_error_with_its_tables(stored, words):
    found = unfinished({**PLACE, **stored})
    assert found is not None
    with pytest.raises(type(found), match=words):
        raise found


@pytest.mark.parametrize(
    "stored",
    [{}, {"snapshot": "BLOCKING", "snapshot_completed": True}, {"incremental_snapshot_collections": "[]"}],
)
def test_one_that_has_ended_is_none(stored):
    assert unfinished({**PLACE, **stored}) is None
