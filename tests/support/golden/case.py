"""A golden case as it lies in its folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONVERTER = "org.apache.kafka.connect.json.JsonConverter"
CONVERTERS = {
    name: value
    for side in ("key", "value")
    for name, value in ((f"{side}.converter", CONVERTER), (f"{side}.converter.schemas.enable", "true"))
}


@dataclass(frozen=True, slots=True)
class Step:
    """A statement, or a directive (`-- @stop`, `-- @sleep 0.2`) with its argument."""

    text: str
    directive: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A case; `options` is golden.json, `properties` are the connector's without addresses.

    `fails`: the connector is to fail. `refusals`: the database is to refuse some of the statements.
    """

    name: str
    properties: dict[str, str]
    setup: tuple[Step, ...]
    steps: tuple[Step, ...]
    expected: tuple[dict[str, Any], ...]
    counts: dict[str, int]
    options: dict[str, Any]
    fails: bool
    refusals: bool

    @property
    def prefix(self) -> str:
        """The topic prefix that stands in the expected records."""
        return self.properties["topic.prefix"]

    @property
    def excluded(self) -> str:
        """Why the case is not compared, or "": Debezium is wrong there."""
        return str(self.options.get("excluded", ""))


def load(folder: Path) -> Case:
    """Read a case."""
    given = json.loads((folder / "connector.json").read_text())
    return Case(
        folder.name,
        {**CONVERTERS, **{name: str(value) for name, value in given.items()}},
        tuple(script(_text(folder / "setup.sql"))),
        tuple(script(_text(folder / "steps.sql"))),
        tuple(json.loads(line) for line in _expected(folder, given["topic.prefix"]).split("\n") if line),
        {topic: each["records"] for topic, each in _json(folder / "expected-summary.json").items()},
        _json(folder / "golden.json"),
        (folder / "failure.txt").exists(),
        (folder / "step-errors.txt").exists(),
    )


def script(text: str) -> Iterator[Step]:
    """Yield the steps of an SQL file: a statement ends with `;` at the end of a line, a directive is a line `-- @…`."""
    begun: list[str] = []
    for line in text.split("\n"):
        if not begun and line.startswith("-- @"):
            word, _, argument = line[4:].strip().partition(" ")
            yield Step(argument, word)
        elif begun or (line.strip() and not line.startswith("--")):
            begun.append(line)
            if line.rstrip().endswith(";"):
                yield Step("\n".join(begun).rstrip()[:-1])
                begun = []
    if begun:
        yield Step("\n".join(begun))


def _expected(folder: Path, prefix: str) -> str:
    """Return the expected records; the prefix of a run has nothing in it that a naming strategy would escape, so here it has neither."""
    return _text(folder / "expected.jsonl").replace(prefix.replace("_", "_u005f"), prefix)


def _text(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def _json(file: Path) -> dict[str, Any]:
    return dict(json.loads(_text(file) or "{}"))
