"""The page of deviations from Debezium: each has a test, and the tests that it names are there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "reference" / "deviations.md"
ROWS = [line for line in PAGE.read_text().splitlines() if line.startswith("| ") and "---" not in line]
DEVIATIONS = [row for row in ROWS if not row.startswith("| Debezium |")]


def names(body: list[ast.stmt], prefix: str) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from names(node.body, f"{prefix}::{node.name}")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{prefix}::{node.name}"


@pytest.fixture(scope="module")
def tests() -> set[str]:
    """All tests, as file::class::name without the folder."""
    files = list(TESTS.rglob("test_*.py"))
    return {name for file in files for name in names(ast.parse(file.read_text()).body, file.name)}


@pytest.mark.parametrize("row", DEVIATIONS, ids=lambda row: row.split("|")[2].strip()[:60])
def test_each_deviation_names_tests_that_are_there(row, tests):
    named = re.findall(r"`(test_\w+\.py::[\w:]+)`", row)
    assert named
    assert set(named) <= tests


def test_the_page_has_the_deviations():
    assert len(DEVIATIONS) >= 15
