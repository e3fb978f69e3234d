"""Calls of plugins: whatever those do, the caller gets an answer or an error, in time."""

import asyncio
from contextlib import suppress

import pytest

from cdc.connect.calls import answered


async def raising(error):
    raise error


async def test_what_a_plugin_returns_or_raises_comes_back():
    async def five():
        return 5

    assert await answered(five(), 30) == 5
    with pytest.raises(ValueError, match="no"):
        await answered(raising(ValueError("no")), 30)


@pytest.mark.parametrize(
    ("error", "words"), [(SystemExit(3), "exit code 3"), (asyncio.CancelledError(), "raised CancelledError by itself")]
)
async def test_a_plugin_can_neither_end_the_process_nor_cancel_its_caller(error, words):
    with pytest.raises(RuntimeError, match=words):
        await answered(raising(error), 30)


async def test_a_plugin_that_does_not_even_heed_its_cancellation_is_left_behind():
    may_end = asyncio.Event()

    async def deaf():
        while not may_end.is_set():
            with suppress(asyncio.CancelledError):
                await may_end.wait()
        raise ValueError("nobody hears it")

    with pytest.raises(TimeoutError, match=r"did not answer within 0.01 s"):
        await answered(deaf(), 0.01)
    may_end.set()
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_cancellation_of_the_caller_is_that_of_the_plugin():
    cancelled = asyncio.Event()

    async def patient():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    calling = asyncio.create_task(answered(patient(), 30))
    for _ in range(5):
        await asyncio.sleep(0)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    async with asyncio.timeout(30):
        await cancelled.wait()
