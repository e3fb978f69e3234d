"""Reads an envelope, as JSON without schemas, back into the change that it tells of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from cdc.testing.shop.ledger import Change
from cdc.testing.shop.schema import TABLES

Values = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Event:
    """A change with its rows; `commit_us` is when it committed in the database, in microseconds since the epoch."""

    change: Change
    before: Values | None
    after: Values | None
    commit_us: int


def read_event(topic: str, value: bytes) -> Event:
    """Return the event of a record's value; the table is the last part of the topic's name."""
    envelope = orjson.loads(value)
    table = topic.rpartition(".")[2]
    before, after = envelope["before"], envelope["after"]
    row = before if after is None else after
    key = tuple(row[name] for name in TABLES[table])
    return Event(Change(table, key, envelope["op"], row["version"]), before, after, envelope["source"]["ts_us"])
