"""Imports point downwards in compiled modules also: import-linter reads neither `.pyx` files nor what imports them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
IMPORT = re.compile(r"^\s*(?:from\s+(cdc[\w.]*)\s+c?import\s+\(?(\w+)|c?import\s+(cdc[\w.]*))", re.MULTILINE)


def layerings() -> list[list[str]]:
    """The layers of each contract from the top, with the full names of their rooms."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    return [
        [re.sub(r"([a-z_.]+)", rf"{inside}\1", layer) for layer in contract["layers"]]
        for contract in contracts
        if contract["type"] == "layers"
        for inside in [f"{container}." for container in contract.get("containers", [])] or [""]
    ]


def rooms(layers: list[str]) -> dict[str, int]:
    """Each room with the number of its layer, counted from the top."""
    return {room: rank for rank, layer in enumerate(layers) for room in re.findall(r"cdc[\w.]*", layer)}


def room_of(module: str, layers: list[str]) -> str | None:
    return max((room for room in rooms(layers) if f"{module}.".startswith(f"{room}.")), key=len, default=None)


def allowed_by(layers: list[str], importer: str, imported: str) -> bool:
    above, below = room_of(importer, layers), room_of(imported, layers)
    if above is None or below is None or above == below:
        return True
    ranks = rooms(layers)
    return ranks[above] < ranks[below] or (ranks[above] == ranks[below] and "|" not in layers[ranks[above]])


def may_import(importer: str, imported: str) -> bool:
    return all(allowed_by(layers, importer, imported) for layers in layerings())


def imports(text: str) -> Iterator[str]:
    for package, name, module in IMPORT.findall(text):
        yield f"cdc.{name}" if package == "cdc" else package or module


def modules() -> list[Path]:
    return sorted(path for path in (ROOT / "cdc").rglob("*.p*") if path.suffix in {".py", ".pyx", ".pxd", ".pyi"})


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_downwards(path):
    importer = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    upwards = [module for module in imports(path.read_text()) if not may_import(importer, module)]
    assert not upwards, f"{importer} imports from a room above or beside it"


@pytest.mark.parametrize(
    ("importer", "line", "allowed"),
    [
        ("cdc.converters.json", "from cdc.model.batch cimport ChangeBatch", True),
        ("cdc.model.batch", "    from cdc.config.property import Property", False),
        ("cdc.model.batch", "cimport cdc.converters.json_text", False),
        ("cdc.errors", "from cdc import model", False),
        ("cdc.kafka.record_batch", "from cdc.sources.postgres.stream.pgoutput cimport Decoder", False),
        ("cdc.offsets.file", "from cdc.converters.base import Converter", True),
        ("cdc.sources.mysql.stream.rows", "from cdc.sources.mysql.binlog.reading cimport u24", True),
        ("cdc.sources.mysql.binlog.framing", "from cdc.sources.mysql.stream.rows cimport RowsDecoder", False),
        ("cdc.sources.mysql.values.numeric", "from cdc.sources.mysql.protocol.packets import Channel", False),
    ],
)
def test_direction_is_told_from_the_line(importer, line, allowed):
    (imported,) = imports(line)
    assert may_import(importer, imported) is allowed
