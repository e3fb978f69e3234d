"""What the demo needs of a display, whatever it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Protocol

from cdc.cli.demo.figures import Figures
from cdc.cli.demo.scene import Scene


class Display(Protocol):
    """Shows a person what goes on; `snapshot` and `live` run until they are cancelled."""

    def say(self, line: str, style: str = "") -> None:
        """Show a line that stays."""

    def warn(self, line: str) -> None:
        """Show a warning that a part of the program has logged."""

    def busy(self, what: str) -> AbstractContextManager[None]:
        """Show that something takes a while, during the block."""

    async def snapshot(self, rows: Callable[[], int], total: int) -> None:
        """Follow the snapshot; `rows` tells how many of `total` rows are read."""

    async def live(self, scene: Scene) -> None:
        """Follow the stream."""

    def sum_up(self, figures: Figures) -> None:
        """Show what was read, at the end."""


@asynccontextmanager
async def beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run `work` beside the block, and cancel it at the end; its error is raised, in a group."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work)
        try:
            yield
        finally:
            task.cancel()
