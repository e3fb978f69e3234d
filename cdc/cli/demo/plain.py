"""The demo without a terminal: plain lines."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cdc.cli.demo.figures import Figures
from cdc.cli.demo.scene import Scene
from cdc.cli.demo.wording import OPERATIONS, show_bytes, show_latency
from cdc.testing.shop.schema import TABLES

LINE_SECONDS = 2.0


class PlainDisplay:
    """A `Display` (see `cdc.cli.demo.display`) of one line now and then; warnings go to stderr."""

    def say(self, line: str, style: str = "") -> None:
        """See `Display.say`."""
        print(line, flush=True)

    def warn(self, line: str) -> None:
        """See `Display.warn`."""
        print(f"cdc-stream: {line}", file=sys.stderr, flush=True)

    @contextmanager
    def busy(self, what: str) -> Iterator[None]:
        """See `Display.busy`."""
        self.say(what)
        yield

    async def snapshot(self, rows: Callable[[], int], total: int) -> None:
        """See `Display.snapshot`."""
        self.say(f"snapshot of {total} rows")
        while True:
            await asyncio.sleep(LINE_SECONDS)
            if read := rows():
                self.say(f"snapshot: {read} of {total} rows")

    async def live(self, scene: Scene) -> None:
        """See `Display.live`."""
        while True:
            await asyncio.sleep(LINE_SECONDS)
            self.say(f"{scene.time()}: {scene.stream.status.problem or _numbers(scene)}")

    def sum_up(self, figures: Figures) -> None:
        """See `Display.sum_up`."""
        for table in TABLES:
            counts = ", ".join(f"{name} {figures.counts[table, op]}" for op, name in OPERATIONS.items())
            self.say(f"{table}: {counts}")


def _numbers(scene: Scene) -> str:
    figures, lag = scene.stream.figures, scene.stream.lag
    latency = f"p50 {show_latency(figures.latency(0.5))}, p99 {show_latency(figures.latency(0.99))}"
    behind = f", {show_bytes(lag)} behind the log" if lag is not None else ""
    return f"{figures.streamed} events, {figures.rate():.0f}/s, latency {latency}{behind}, at {scene.stream.status.position}"
