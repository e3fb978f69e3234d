"""Where what was written differs from what was expected, in lines that a person can read."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from tests.support.golden.case import Case
from tests.support.golden.replay import Outcome

Record = dict[str, Any]
WIDTH = 160


def mismatches(case: Case, outcome: Outcome) -> list[str]:
    """Return in what the outcome is not what the case demands: a failure, a refused statement, a record."""
    found = _records(case, outcome.records)
    if outcome.refused and not case.refusals:
        found[:0] = [f"the database refused {statement}" for statement in outcome.refused]
    if outcome.failure and not case.fails:
        found.insert(0, f"the connector failed: {outcome.failure}")
    if case.fails and not outcome.failure:
        found.insert(0, "the connector should have failed")
    return found


def _records(case: Case, written: Iterable[Record]) -> list[str]:
    """Return the differences that count, `topic #number.path: wanted …, got …`; the order of an object's members does not."""
    ignored = [re.compile(each) for each in case.options.get("ignore", ())]
    return [line for line in _all(case, written) if not any(each.search(line) for each in ignored)]


def _all(case: Case, written: Iterable[Record]) -> Iterator[str]:
    wanted, got = _by_topic(case.expected), _by_topic(written)
    if case.options.get("counts_only"):
        for topic, count in case.counts.items():
            yield from _count(topic, count, len(got[topic]))
        return
    left_out = [re.compile(each) for each in case.options.get("ignore_topics", ())]
    for topic in sorted({*wanted, *got}):
        if not any(each.search(topic) for each in left_out):
            yield from _count(topic, len(wanted[topic]), len(got[topic]))
            for number, (expected, actual) in enumerate(zip(wanted[topic], got[topic], strict=False)):
                yield from _values(expected, actual, f"{topic} #{number}")


def _count(topic: str, wanted: int, got: int) -> Iterator[str]:
    if wanted != got:
        yield f"{topic}: wanted {wanted} records, got {got}"


def _by_topic(records: Iterable[Record]) -> defaultdict[str, list[Record]]:
    topics: defaultdict[str, list[Record]] = defaultdict(list)
    for record in records:
        topics[record["topic"]].append(record)
    return topics


def _values(wanted: Any, got: Any, path: str) -> Iterator[str]:
    if isinstance(wanted, dict) and isinstance(got, dict):
        yield from _members(wanted, got, path)
    elif isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        for number, (left, right) in enumerate(zip(_in_order(wanted), _in_order(got), strict=True)):
            yield from _values(left, right, f"{path}[{number}]")
    elif wanted != got or type(wanted) is not type(got):
        yield f"{path}: wanted {_short(wanted)}, got {_short(got)}"


def _in_order(items: list[Any]) -> list[Any]:
    """Return the collections of a transaction by name: their order is that of a hash, and a run's database has another name than the case's."""
    if all(isinstance(each, dict) and "data_collection" in each for each in items):
        return sorted(items, key=lambda each: str(each["data_collection"]))
    return items


def _members(wanted: dict[str, Any], got: dict[str, Any], path: str) -> Iterator[str]:
    for name in {**wanted, **got}:
        if name not in got:
            yield f"{path}.{name}: missing, wanted {_short(wanted[name])}"
        elif name not in wanted:
            yield f"{path}.{name}: unexpected {_short(got[name])}"
        else:
            yield from _values(wanted[name], got[name], f"{path}.{name}")


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) < WIDTH else f"{text[:WIDTH]}…"
