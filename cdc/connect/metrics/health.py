"""Whether what a worker runs does what it should: a task that has failed, or that does not get on, makes the worker unhealthy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

from cdc.connect.herder import State
from cdc.connect.metrics.watched import RunningConnector, Watched
from cdc.connect.task_run import TaskRun
from cdc.pipeline.status import PipelineStatus
from cdc.pipeline.status import State as Doing

#: How long a task may wait for something to pass before that counts as a stall, in seconds.
STALL_SECONDS: Final = 30.0
LONGEST_SHOWN: Final = 300


class Health:
    """Looks at what runs on a worker; a herder that does not show it (`Watched`) has nothing that is wrong.

    A task stalls when it has waited for longer than `stall` seconds for an outage to pass, and when what it has read gets neither stored
    nor given up within the time that a Kafka transaction (of a sink: a `put`) may take. Who is paused or stopped is well. `clock` is that
    of the tasks' counters.
    """

    def __init__(
        self, herder: object, *, stall: float = STALL_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._herder = herder
        self._stall = stall
        self._clock = clock

    def troubles(self, *, detailed: bool = True) -> list[str]:
        """Return what is wrong, a clause each; with details also why, which may name hosts and tables."""
        if not isinstance(self._herder, Watched):
            return []
        runs = self._herder.runs().items()
        return [trouble for name, each in runs for trouble in self._of_connector(name, each, detailed)]

    def _of_connector(self, name: str, connector: RunningConnector, detailed: bool) -> Iterator[str]:
        if connector.status is not None and connector.status.state is State.FAILED:
            yield f"connector {name} is FAILED{_why(connector.status.trace, detailed)}"
        for number, run in connector.tasks.items():
            trouble = self._of_task(run, detailed)
            if trouble:
                yield f"task {number} of connector {name} {trouble}"

    def _of_task(self, run: TaskRun, detailed: bool) -> str:
        if run.state is State.FAILED:
            return f"is FAILED{_why(run.trace, detailed)}"
        progress = run.progress
        if run.state is not State.RUNNING or progress is None:
            return ""
        return self._stalled(progress, lambda text: _why(run.hide(text), detailed))

    def _stalled(self, progress: PipelineStatus, why: Callable[[str], str]) -> str:
        now = self._clock()
        waiting = 0.0 if progress.waiting_since is None else now - progress.waiting_since
        if progress.state is Doing.WAITING and waiting > self._stall:
            return f"has been waiting for {waiting:.0f} s{why(progress.problem)}"
        pending = 0.0 if progress.pending_since is None else now - progress.pending_since
        if pending > max(progress.limit, self._stall):
            return f"has stored nothing of what it has read for {pending:.0f} s"
        return ""


def _why(text: str, detailed: bool) -> str:
    first = text.partition("\n")[0].rstrip(".")
    shown = first if len(first) <= LONGEST_SHOWN else first[:LONGEST_SHOWN] + "…"
    return f": {shown}" if detailed and shown else ""
