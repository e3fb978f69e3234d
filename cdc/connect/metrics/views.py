"""What metrics are read from: the worker, its connectors and its tasks at the moment of a scrape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cdc.connect.herder import ConnectorType, State
from cdc.connect.metrics.watched import RunningConnector
from cdc.connect.task_run import TaskRun
from cdc.metrics.counters import Startups, TaskCounts
from cdc.pipeline.status import PipelineStatus


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task that has been started at least once; `now` is by the clock that its counters use, in seconds."""

    run: TaskRun
    type: ConnectorType
    progress: PipelineStatus
    now: float

    @property
    def counts(self) -> TaskCounts:
        """What the present start of the task counts, or the last one."""
        return self.progress.counts

    def since(self, moment: float | None) -> float | None:
        """Return how long ago a moment was, in milliseconds."""
        return None if moment is None else (self.now - moment) * 1000


@dataclass(frozen=True, slots=True)
class ConnectorView:
    """A connector of which something runs here."""

    running: RunningConnector

    def tasks_in(self, state: State) -> int:
        """Return how many of its tasks here are in a state."""
        return sum(task.state is state for task in self.running.tasks.values())


@dataclass(frozen=True, slots=True)
class WorkerView:
    """The worker: what runs on it, and how that came up."""

    connectors: Sequence[RunningConnector]
    startups: Startups

    @property
    def own_connectors(self) -> int:
        """How many connectors run here themselves, and not only some of their tasks."""
        return sum(each.status is not None for each in self.connectors)

    @property
    def tasks(self) -> int:
        """How many tasks are here."""
        return sum(len(each.tasks) for each in self.connectors)
