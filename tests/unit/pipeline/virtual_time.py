"""An event loop whose time stands still while anything can run, and jumps to the next timer when nothing can."""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class _Impatient(selectors.SelectSelector):
    """Never waits: it says how long it would have waited."""

    def __init__(self, skip: Callable[[float | None], None]) -> None:
        super().__init__()
        self._skip = skip

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            self._skip(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Raises RuntimeError when nothing is left that could ever happen."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Impatient(self._advance))

    def time(self) -> float:
        return self.now

    def _advance(self, seconds: float | None) -> None:
        if seconds is None:
            raise RuntimeError("every task waits for something that nobody will do")
        self.now += seconds


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, in no time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def virtual(test: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Make a test of a coroutine function, on virtual time; it may take a day of it."""

    async def limited(*args: P.args, **kwargs: P.kwargs) -> T:
        async with asyncio.timeout(86_400):
            return await test(*args, **kwargs)

    @functools.wraps(test)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        return run(limited(*args, **kwargs))

    return wrapper


def now() -> float:
    """Return the running loop's time."""
    return asyncio.get_running_loop().time()
