"""Everything wanted runs, and nothing twice, whatever happens to a cluster: simulated histories (see `tests.property.cluster`).

`CDC_SEEDS` sets how many the long run plays (2,000 unless told), `CDC_FIRST_SEED` where it begins. A seed plays the same again under the same
PYTHONHASHSEED.
"""

from __future__ import annotations

import logging
import os
from collections import Counter

import pytest

from tests.property.cluster.world import simulate

SHORT = 60
LONG = int(os.environ.get("CDC_SEEDS", "2000"))
FIRST = int(os.environ.get("CDC_FIRST_SEED", "1000000"))


@pytest.fixture(autouse=True)
def quiet():
    """Thousands of faults would be logged."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(before)


def play(seeds: range) -> Counter[str]:
    deeds: Counter[str] = Counter()
    for seed in seeds:
        try:
            deeds += simulate(seed).deeds
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error}") from error
    return deeds


@pytest.mark.timeout(300)
def test_everything_wanted_runs_once_and_every_worker_says_so_in_the_end():
    deeds = play(range(SHORT))
    # What did not happen proves nothing.
    assert all(
        deeds[deed] > SHORT / 2
        for deed in ("put", "target", "restart", "delete", "lose", "kill", "leave", "join", "shut_out")
    )


@pytest.mark.reliability
@pytest.mark.timeout(7200)
def test_so_they_do_in_many_more_histories():
    play(range(FIRST, FIRST + LONG))
