"""Golden cases through the pipeline: the records are those that Debezium writes, key, value, schema and headers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cdc.testing.servers import Address, MySqlServer
from tests.support.connector import Script
from tests.support.golden.case import load
from tests.support.golden.comparison import mismatches
from tests.support.golden.replay import replay

CASES = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module")
def own_mysql() -> Iterator[Address]:
    """A server that nobody else writes to: the marks of transactions are those of its whole binlog."""
    with MySqlServer() as server:
        yield server.address


def cases(kind: str) -> list[str]:
    """The cases that are compared: those where Debezium is wrong stand in docs/reference/deviations.md."""
    return sorted(folder.name for folder in (CASES / kind).iterdir() if not load(folder).excluded)


@pytest.mark.parametrize("name", cases("postgres"))
def test_golden_case(name, postgres, kafka):
    case = load(CASES / "postgres" / name)
    found = mismatches(case, replay(case, postgres, kafka))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", cases("mysql"))
def test_golden_case_of_mysql(name, own_mysql, kafka):
    case = load(CASES / "mysql" / name)
    found = mismatches(case, replay(case, own_mysql, kafka))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", ["restart_resume", "logical_message", "heartbeat", "post_reselect"])
def test_golden_case_through_the_console_script(name, postgres, kafka, tmp_path):
    case = load(CASES / "postgres" / name)
    found = mismatches(case, replay(case, postgres, kafka, lambda config: Script(tmp_path, config)))
    assert not found, "\n".join(found)
