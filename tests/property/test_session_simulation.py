"""Exactly once, whatever happens: thousands of simulated histories, each decided by its seed (see `simulation`).

`CDC_SEEDS` sets how many the long run plays (20,000 unless told), `CDC_FIRST_SEED` where it begins.
"""

from __future__ import annotations

import logging
import os
import time

import pytest

from tests.property.simulation import World, simulate

SHORT = 250
LONG = int(os.environ.get("CDC_SEEDS", "20000"))
FIRST = int(os.environ.get("CDC_FIRST_SEED", "1000000"))


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Thousands of outages would be logged."""
    caplog.set_level(logging.CRITICAL)


def play(seeds: range) -> list[World]:
    worlds = []
    for seed in seeds:
        try:
            worlds.append(simulate(seed))
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error}") from error
    return worlds


def test_no_change_is_lost_doubled_or_out_of_order():
    worlds = play(range(SHORT))
    # What did not happen proves nothing.
    assert sum(world.kills for world in worlds) > SHORT
    assert sum(world.fenced for world in worlds) > SHORT / 10
    assert sum(world.ledger.splits for world in worlds) > SHORT / 50
    assert any(len(world.server.views) > 2 for world in worlds), "snapshots that begin again"
    assert any(world.ledger.seen and not world.ledger.last.visibility for world in worlds)


def test_a_seed_plays_the_same_again():
    one, other = simulate(7), simulate(7)
    assert one.broker.transactions == other.broker.transactions


@pytest.mark.reliability
@pytest.mark.timeout(0)
def test_many_histories(capsys):
    begun, splits, kills, transactions = time.monotonic(), 0, 0, 0
    for seed in range(FIRST, FIRST + LONG):
        (world,) = play(range(seed, seed + 1))
        splits, kills = splits + world.ledger.splits, kills + world.kills
        transactions += len(world.broker.transactions)
    with capsys.disabled():
        print(
            f"\n{LONG} histories, {kills} kills, {transactions} Kafka transactions, {splits} of them parts of a source "
            f"transaction: each change once and in order ({time.monotonic() - begun:.0f} s)"
        )
