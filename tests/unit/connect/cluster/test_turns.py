"""Turns: one call at a time for each key, and none is forgotten."""

import asyncio
from collections import Counter

from cdc.connect.cluster.turns import Turns


class Desk:
    """Counts its calls, and holds those of some keys."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.under_way: Counter[str] = Counter()
        self.held: dict[str, asyncio.Event] = {}

    async def tend(self, key: str, group: asyncio.TaskGroup) -> None:
        self.calls[key] += 1
        self.under_way[key] += 1
        assert self.under_way[key] == 1
        if key in self.held:
            await self.held[key].wait()
        self.under_way[key] -= 1


async def test_a_key_that_is_asked_for_while_it_is_tended_is_tended_once_more_and_holds_up_no_other():
    desk = Desk()
    desk.held["slow"] = asyncio.Event()
    turns = Turns(desk.tend)
    async with asyncio.TaskGroup() as group:
        turns.ask(["slow", "quick"], group)
        await asyncio.sleep(0)
        turns.ask(["slow", "quick"], group)
        turns.ask(["slow", "quick"], group)
        for _ in range(10):
            await asyncio.sleep(0)
        assert set(turns.busy) == {"slow"}
        assert desk.calls["slow"] == 1
        desk.held["slow"].set()
        await turns.idle()
        assert desk.calls["slow"] == 2
        assert desk.calls["quick"] >= 2
        assert not turns.busy


async def test_a_call_that_is_cancelled_before_it_begins_leaves_nothing_behind():
    turns = Turns(Desk().tend)
    try:
        async with asyncio.TaskGroup() as group:
            turns.ask(["a"], group)
            raise ZeroDivisionError
    except* ZeroDivisionError:
        pass
    async with asyncio.timeout(30):
        await turns.idle()
    assert not turns.busy
