"""What a herder shows of what runs on this worker, for its metrics and its health."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from cdc.connect.herder import ConnectorType, InstanceStatus
from cdc.connect.task_run import TaskRun
from cdc.metrics.counters import Startups


@dataclass(frozen=True, slots=True)
class RunningConnector:
    """A connector of which something runs on this worker.

    `status` is that of the connector itself, None where it runs on another worker. `tasks` are those that run here, by their numbers.
    """

    type: ConnectorType
    class_name: str
    status: InstanceStatus | None
    tasks: Mapping[int, TaskRun]


@runtime_checkable
class Watched(Protocol):
    """A herder that shows what runs on its worker; never waits."""

    def runs(self) -> Mapping[str, RunningConnector]:
        """Return the connectors of which something runs here, by their names, as they are now."""

    def startups(self) -> Startups:
        """Return how connectors and tasks came up on this worker."""


@dataclass(frozen=True, slots=True)
class Rebalances:
    """How a worker stands in its group; None is what is not known.

    `leader` is the URL of the leader, `epoch` the generation, `completed` how many rebalances this worker has come through, and `since` how
    many seconds ago the last one was over.
    """

    leader: str | None = None
    epoch: int | None = None
    completed: int | None = None
    rebalancing: bool | None = None
    since: float | None = None


@runtime_checkable
class Member(Protocol):
    """A herder in a group of workers; never waits."""

    def rebalances(self) -> Rebalances:
        """Return how this worker stands in the group now."""
