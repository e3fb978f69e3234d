"""What there is to show while the stream runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from cdc.cli.demo.stream import Stream
from cdc.cli.demo.wording import show_clock


@dataclass(slots=True)
class Scene:
    """The stream and its surroundings; `seconds` is how long it is to run, None without end; `note` is the last warning."""

    stream: Stream
    products: str
    seconds: float | None
    phase: str = "Ctrl-C stops the shop and compares"
    note: str = ""
    clock: Callable[[], float] = time.monotonic
    began: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.clock()

    def time(self) -> str:
        """Return how long the stream has run, and how long it is to run."""
        elapsed = show_clock(self.clock() - self.began)
        return elapsed if self.seconds is None else f"{elapsed} of {show_clock(self.seconds)}"

    def state(self) -> str:
        """Return what is going on, problems first."""
        status = self.stream.status
        return f"waiting: {status.problem}" if status.problem else self.note or self.phase
