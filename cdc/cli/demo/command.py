"""The command: from the start of the servers to the line that compares."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import time
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass

from cdc.cli.demo.display import Display, beside
from cdc.cli.demo.plain import PlainDisplay
from cdc.cli.demo.scene import Scene
from cdc.cli.demo.stage import PRODUCTS, Stage, open_stage, product_names
from cdc.cli.demo.stream import Stream
from cdc.cli.demo.terminal import TerminalDisplay
from cdc.cli.demo.wording import parse_duration
from cdc.errors import ConfigError
from cdc.pipeline.retry import root_cause
from cdc.testing.shop.ledger import Comparison, Ledger

#: How long the demo runs where nobody can press Ctrl-C, in seconds.
UNATTENDED_SECONDS = 30.0
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Options:
    """How the demo is to run: seconds of streaming (None: until Ctrl-C), transactions a second, whether everything stays afterwards, and the database."""

    seconds: float | None
    rate: float
    keep: bool
    database: str = "postgres"


class Interruption:
    """What Ctrl-C and the signals that ask to stop do: while the shop is open the first closes it, any other cancels the demo."""

    def __init__(self, display: Display) -> None:
        self.closing = asyncio.Event()
        self.shop_is_open = False
        self._display = display

    def handle(self, demo: asyncio.Future[int]) -> None:
        """Handle a signal."""
        if self.shop_is_open and not self.closing.is_set():
            self.closing.set()
        elif demo.cancel():
            self._display.say("stopping")


def run_demo(duration: str | None, rate: float, database: str, *, keep: bool) -> int:
    """Run the demo; return 0 when everything was delivered exactly once, 1 when not, 130 when it was interrupted before."""
    terminal = sys.stdout.isatty()
    default = None if terminal else UNATTENDED_SECONDS
    if rate <= 0:
        raise ConfigError(f"a rate of {rate:g} transactions a second is not possible", "Give a number above 0.")
    if database not in PRODUCTS:
        raise ConfigError(f"the shop cannot be in {database!r}", f"Give --db one of {', '.join(PRODUCTS)}.")
    options = Options(parse_duration(duration) if duration else default, rate, keep, database)
    return perform(options, TerminalDisplay() if terminal else PlainDisplay())


def perform(options: Options, display: Display) -> int:
    """Run the demo on a display; return the exit code."""
    logging.getLogger().addHandler(_Warnings(display))
    try:
        return asyncio.run(_interruptible(options, display))
    except asyncio.CancelledError:
        display.say("stopped before the changes could be compared")
        return INTERRUPTED


class _Warnings(logging.Handler):
    """Shows what the program's parts log, from level WARNING."""

    def __init__(self, display: Display) -> None:
        super().__init__(logging.WARNING)
        self._display = display

    def emit(self, record: logging.LogRecord) -> None:
        self._display.warn(record.getMessage())


async def _interruptible(options: Options, display: Display) -> int:
    interruption = Interruption(display)
    demo = asyncio.ensure_future(_demo(options, display, interruption))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, interruption.handle, demo)
    try:
        return await demo
    except BaseExceptionGroup as group:
        raise root_cause(group) from group


async def _demo(options: Options, display: Display, interruption: Interruption) -> int:
    ledger = Ledger()
    async with AsyncExitStack() as stack:
        with display.busy(f"starting {PRODUCTS[options.database]} and Kafka, and filling a small shop"):
            began = time.monotonic()
            stage = await stack.enter_async_context(open_stage(ledger, options.database, keep=options.keep))
        seconds = time.monotonic() - began
        display.say(
            f"{product_names(options.database)} are up after {seconds:.1f} s; the shop has {ledger.committed:,} rows"
        )
        stream = Stream(stage, ledger, options.rate)
        await _run(stream, options, display, interruption)
        display.sum_up(stream.figures)
        if options.keep:
            display.say(_what_is_kept(stage))
        return _report(ledger.compare(), display)


async def _run(stream: Stream, options: Options, display: Display, interruption: Interruption) -> None:
    """Run the stream from its snapshot to the end of what was committed."""
    async with asyncio.TaskGroup() as group:
        stream.start(group)
        async with beside(display.snapshot(lambda: stream.rows_read, stream.rows)):
            await stream.wait_for_streaming()
        interruption.shop_is_open = True
        scene = Scene(stream, product_names(options.database), options.seconds)
        async with beside(display.live(scene)):
            with suppress(TimeoutError):
                await asyncio.wait_for(interruption.closing.wait(), options.seconds)
            scene.phase = "the shop is closed; reading what it has committed to the end"
            await stream.finish()


def _what_is_kept(stage: Stage) -> str:
    premises = stage.premises
    return (
        f"kept: database {premises.url}, topics {premises.name}.* at Kafka {stage.kafka.url}\n"
        f"stop both servers and delete everything: python -m cdc.testing down {premises.server.name} kafka"
    )


def _report(comparison: Comparison, display: Display) -> int:
    """Say how the comparison came out, its line last; return the exit code."""
    for example in comparison.examples:
        display.say(example, "yellow")
    display.say(comparison.line(), "bold green" if comparison.exact else "bold red")
    return 0 if comparison.exact else 1
