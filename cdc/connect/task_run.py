"""A connector or a task of a worker, from start to stop: what it does, and how it ended."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from cdc.connect.herder import InstanceStatus, State
from cdc.errors import CdcError
from cdc.metrics.times import StateTimes
from cdc.pipeline.retry import root_cause
from cdc.pipeline.status import PipelineStatus

log = logging.getLogger(__name__)

#: Longer than a sink task gives itself to flush.
GRACE_SECONDS: Final = 10.0
#: Most of an error that a status shows, in characters; a record of the status topic has to hold it.
LONGEST_TRACE: Final = 20_000


class Work(Protocol):
    """What a task does; used once."""

    async def run(self) -> None:
        """Run until cancelled, or raise what cannot be mended."""

    @property
    def topics(self) -> set[str]:
        """The topics that it has written to or read from so far."""

    @property
    def status(self) -> PipelineStatus:
        """What it counts, and what it waits for."""


@dataclass(slots=True)
class TaskRun:
    """A task that can be started, paused, stopped and started again; one owner.

    `work` makes what runs, anew for every start. `name` is for the log. `hide` takes secrets out of what is said of a failure.
    `grace` is how long a task may take to end, in seconds; one that takes longer is left behind. `on_change` hears of every new state.
    """

    name: str
    version: str
    worker_id: str
    work: Callable[[], Work]
    state: State = State.UNASSIGNED
    trace: str = ""
    hide: Callable[[str], str] = str
    grace: float = GRACE_SECONDS
    on_change: Callable[[], None] = lambda: None
    failure: BaseException | None = None
    times: StateTimes = field(default_factory=StateTimes)
    _running: asyncio.Task[None] | None = None
    _work: Work | None = None
    _topics: list[set[str]] = field(default_factory=list)

    @property
    def status(self) -> InstanceStatus:
        """The status as REST shows it."""
        return InstanceStatus(self.state, self.worker_id, self.version, self.trace)

    @property
    def topics(self) -> set[str]:
        """The topics of all its starts since they were forgotten last."""
        return set().union(*self._topics)

    @property
    def progress(self) -> PipelineStatus | None:
        """What the last start tells about itself, also when it has ended; None before the first."""
        return self._work.status if self._work is not None else None

    def forget_topics(self) -> None:
        """Begin anew to note topics."""
        for topics in self._topics:
            topics.clear()

    def start(self, group: asyncio.TaskGroup) -> None:
        """Begin to run in the group; a failure becomes the status, and leaves the group alone."""
        self._become(State.RUNNING)
        self._running = group.create_task(self._run(), name=f"task {self.name}")

    async def stop(self, state: State = State.UNASSIGNED) -> None:
        """End and wait for it; what was not committed is left to the next start. A failed task stays FAILED when paused."""
        running = self._running
        if running is not None:
            running.cancel()
            _, hanging = await asyncio.wait({running}, timeout=self.grace)
            if hanging:
                log.error("task %s has not ended within %.0f s, and is left behind", self.name, self.grace)
            self._running = None  # not before: a stop that is cancelled can be called again, and waits as long
        if not (state is State.PAUSED and self.state is State.FAILED):
            self._become(state, self.trace)

    async def _run(self) -> None:
        try:
            work = self._work = self.work()
            self._topics.append(work.topics)
            await work.run()
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                raise
            self._fail(RuntimeError("the plugin raised CancelledError by itself"))
        except (Exception, SystemExit) as error:  # noqa: BLE001 (whatever a plugin raises ends its own task alone)
            self._fail(root_cause(error))

    def _become(self, state: State, trace: str = "") -> None:
        self.state, self.trace = state, trace
        self.times.enter(state)
        self.on_change()

    def _fail(self, cause: BaseException) -> None:
        if asyncio.current_task() is not self._running:
            return  # left behind: what it says is no more about this task
        self.failure = cause
        self._become(State.FAILED, describe(cause, self.hide))
        if isinstance(cause, CdcError):
            log.error("task %s failed: %s", self.name, self.trace)
        else:
            log.error("task %s failed:\n%s", self.name, self.hide("".join(traceback.format_exception(cause)).rstrip()))


def describe(cause: BaseException, hide: Callable[[str], str] = str) -> str:
    """Return an error as a status shows it: the sentence of ours, or class and text of another.

    It is Unicode of at most LONGEST_TRACE characters, whatever a plugin raises, so that it fits into an answer and into a record. `hide`
    is applied before it is cut.
    """
    text = hide(cause.sentence() if isinstance(cause, CdcError) else f"{type(cause).__name__}: {_text(cause)}")
    text = text.encode(errors="backslashreplace").decode()
    return text if len(text) <= LONGEST_TRACE else f"{text[:LONGEST_TRACE]}…"


def _text(cause: BaseException) -> str:
    try:
        return str(cause)
    except Exception as error:  # noqa: BLE001 (an exception of a plugin may be as broken as the rest of it)
        return f"({type(error).__name__} as its text was asked for)"
