"""Many things that are to be kept in order, each by itself: one that is slow or hangs holds up no other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from functools import partial
from typing import Generic, TypeVar

K = TypeVar("K")


class Turns(Generic[K]):
    """Calls `tend` for every key that is asked for: one call at a time for each key, and another one if it was asked for meanwhile.

    So what `tend` does last has seen all that was known when it was last asked for. What it raises is raised in the task group.
    """

    def __init__(self, tend: Callable[[K, asyncio.TaskGroup], Awaitable[None]]) -> None:
        self._tend = tend
        self._tasks: dict[K, asyncio.Task[None]] = {}
        self._again: set[K] = set()

    @property
    def busy(self) -> Collection[K]:
        """The keys for which a call is under way."""
        return self._tasks.keys()

    def ask(self, keys: Iterable[K], group: asyncio.TaskGroup) -> None:
        """Have all these tended, in the group."""
        for key in keys:
            if key in self._tasks:
                self._again.add(key)
            else:
                task = self._tasks[key] = group.create_task(self._run(key, group), name=f"tend {key}")
                task.add_done_callback(partial(self._forget, key))  # one that is cancelled before it runs, too

    async def idle(self) -> None:
        """Wait until no call is under way."""
        while self._tasks:
            await asyncio.wait([*self._tasks.values()])

    async def _run(self, key: K, group: asyncio.TaskGroup) -> None:
        try:
            while True:
                self._again.discard(key)
                await self._tend(key, group)
                if key not in self._again:
                    return
        finally:
            self._forget(key, self._tasks[key])

    def _forget(self, key: K, task: asyncio.Task[None]) -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]
            self._again.discard(key)
