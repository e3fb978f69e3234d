"""The snapshot's progress: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from cdc.snapshot.progress import SnapshotProgress

log = logging.getLogger(__name__)

REFRESH_SECONDS = 0.2
LINE_SECONDS = 5.0

Look = Callable[[], SnapshotProgress | None]


async def show_progress(look: Look) -> None:
    """Show what `look` returns, as long as it returns something; runs until it is cancelled."""
    await (_bars if sys.stderr.isatty() else _lines)(look)


async def _bars(look: Look) -> None:
    """Draw a bar for each table while a snapshot runs, and nothing otherwise."""
    columns = (TextColumn("snapshot {task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    while True:
        if look() is not None:
            with Progress(*columns, console=Console(stderr=True)) as bars:
                await _follow(look, bars)
        await asyncio.sleep(REFRESH_SECONDS)


async def _follow(look: Look, bars: Progress) -> None:
    tasks: dict[str, TaskID] = {}
    while (seen := look()) is not None:
        if seen.table not in tasks:
            _finish(bars, tasks)
            tasks[seen.table] = bars.add_task(seen.table)
        bars.update(tasks[seen.table], completed=seen.rows, total=seen.estimated_rows)
        await asyncio.sleep(REFRESH_SECONDS)
    _finish(bars, tasks)


def _finish(bars: Progress, tasks: dict[str, TaskID]) -> None:
    for task in bars.tasks:
        if task.id in tasks.values():
            bars.update(task.id, total=task.completed)


async def _lines(look: Look) -> None:
    while True:
        await asyncio.sleep(LINE_SECONDS)
        if (seen := look()) is not None:
            log.info("snapshot: %s, %d rows of about %d", seen.table, seen.rows, seen.estimated_rows)
