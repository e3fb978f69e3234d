"""Golden cases through the pipeline: the records are those that Debezium writes, key, value, schema and headers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from cdc.testing.servers import Address
from tests.support.connector import Script
from tests.support.golden.case import load
from tests.support.golden.comparison import mismatches
from tests.support.golden.replay import Outcome, replay

CASES = Path(__file__).parents[1] / "golden" / "postgres"
NAMES = sorted(folder.name for folder in CASES.iterdir())
#: A case mostly waits for what may still come.
AT_ONCE = 4


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest, postgres: Address, kafka: Address
) -> Iterator[Mapping[str, Future[Outcome]]]:
    """What comes of each case that is chosen; several are replayed at once."""
    chosen = [name for name in NAMES if any(f"test_golden_case[{name}]" in item.name for item in request.session.items)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(replay, load(CASES / name), postgres, kafka) for name in chosen}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name", NAMES)
def test_golden_case(name, outcomes):
    found = mismatches(load(CASES / name), outcomes[name].result())
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", ["restart_resume", "logical_message", "heartbeat"])
def test_golden_case_through_the_console_script(name, postgres, kafka, tmp_path):
    case = load(CASES / name)
    found = mismatches(case, replay(case, postgres, kafka, lambda config: Script(tmp_path, config)))
    assert not found, "\n".join(found)
