"""Calls of a plugin by a worker that has to live on, whatever the plugin does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

T = TypeVar("T")

#: How long a connector may take to start or stop, in seconds.
PLUGIN_SECONDS: Final = 30.0


async def answered(call: Awaitable[T], seconds: float) -> T:
    """Return what a plugin's call returns, within so many seconds, even if it does not heed its cancellation.

    Raises:
        TimeoutError: it takes longer; it is cancelled, and nobody waits for it.
        RuntimeError: it wanted to end the process, or has cancelled itself.
        Exception: whatever else it raises.
    """
    task = asyncio.ensure_future(_contained(call))
    task.add_done_callback(_seen)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    finally:
        task.cancel()
    if not done:
        raise TimeoutError(f"the plugin did not answer within {seconds:g} s")
    return task.result()


async def _contained(call: Awaitable[T]) -> T:
    try:
        return await call
    except SystemExit as error:
        raise RuntimeError(f"the plugin wanted to end the process (exit code {error.code})") from error
    except asyncio.CancelledError as error:
        current = asyncio.current_task()
        if current is not None and current.cancelling():
            raise
        raise RuntimeError("the plugin raised CancelledError by itself") from error


def _seen(task: asyncio.Future[T]) -> None:
    """Mark an exception as seen: nobody waits for a call that took too long."""
    if not task.cancelled():
        task.exception()
