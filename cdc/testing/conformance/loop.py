"""Whether work leaves the event loop to others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

#: How long a call may keep the loop, in seconds; far more than computing takes, less than waiting does.
LONGEST_HOLD = 0.25
ATTEMPTS = 3
_STEP = 0.005


async def longest_hold(work: Callable[[], Awaitable[object]]) -> float:
    """Return how long the work has kept the loop from others at the most, in seconds.

    The least of several attempts, as a machine under load keeps the loop waiting too. Work that raises is over, and that is all.
    """
    return min([await _hold(work) for _ in range(ATTEMPTS)])


async def _hold(work: Callable[[], Awaitable[object]]) -> float:
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            before = time.perf_counter()
            await asyncio.sleep(_STEP)
            longest = max(longest, time.perf_counter() - before - _STEP)

    watching = asyncio.ensure_future(watch())
    await asyncio.sleep(0)
    await asyncio.gather(asyncio.ensure_future(work()), return_exceptions=True)
    await asyncio.sleep(2 * _STEP)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    return longest
