"""The demo on a terminal: lines and a progress bar that stay, and a view that takes the whole screen while the stream runs."""

from __future__ import annotations

import asyncio
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cdc.cli.demo.figures import Figures
from cdc.cli.demo.scene import Scene
from cdc.cli.demo.view import counts, frame

REFRESH_SECONDS = 0.25
BAR_SECONDS = 0.05


class TerminalDisplay:
    """A `Display` (see `cdc.cli.demo.display`) that draws. While the view is on, warnings stand in its last line, and are printed after."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._scene: Scene | None = None
        self._warnings: list[str] = []

    def say(self, line: str, style: str = "") -> None:
        """See `Display.say`."""
        self._console.print(line, style=style, markup=False, soft_wrap=True)

    def warn(self, line: str) -> None:
        """See `Display.warn`."""
        if self._scene is not None:
            self._scene.note = line
            self._warnings.append(line)
        else:
            self.say(line, "yellow")

    @contextmanager
    def busy(self, what: str) -> Iterator[None]:
        """See `Display.busy`."""
        with self._console.status(what, spinner_style="cyan"):
            yield

    async def snapshot(self, rows: Callable[[], int], total: int) -> None:
        """See `Display.snapshot`: a bar."""
        columns = (TextColumn("snapshot"), BarColumn(), MofNCompleteColumn(), TextColumn("rows"), TimeElapsedColumn())
        with Progress(*columns, console=self._console, auto_refresh=False) as bars:
            bar = bars.add_task("", total=total)
            try:
                while True:
                    bars.update(bar, completed=rows(), refresh=True)
                    await asyncio.sleep(BAR_SECONDS)
            finally:
                bars.update(bar, completed=rows(), refresh=True)

    async def live(self, scene: Scene) -> None:
        """See `Display.live`."""
        self._scene = scene
        try:
            with (
                _no_echo(),
                Live(console=self._console, get_renderable=self._frame, screen=True, auto_refresh=False) as live,
            ):
                while True:
                    live.refresh()
                    await asyncio.sleep(REFRESH_SECONDS)
        finally:
            self._scene = None
            self._print_warnings()

    def sum_up(self, figures: Figures) -> None:
        """See `Display.sum_up`."""
        self._console.print(counts(figures), width=min(self._console.width, 60))

    def _frame(self) -> RenderableType:
        size = self._console.size
        return frame(self._scene, size.width, size.height) if self._scene else ""

    def _print_warnings(self) -> None:
        for line in dict.fromkeys(self._warnings):
            self.say(line, "yellow")
        self._warnings.clear()


@contextmanager
def _no_echo() -> Iterator[None]:
    """Keep what is typed, `^C` above all, from being written into the view."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    changed = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    termios.tcsetattr(sys.stdin, termios.TCSADRAIN, changed)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
