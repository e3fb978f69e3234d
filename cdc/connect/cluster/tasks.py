"""The tasks that run on one worker of a cluster: they follow what the worker is told to run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial

from cdc.connect.cluster.turns import Turns
from cdc.connect.herder import State, TaskId
from cdc.connect.host import Host
from cdc.connect.task_run import GRACE_SECONDS, TaskRun

Verify = Callable[[], Awaitable[None]]
"""Raises when a task is not to run any more, as far as is known by everyone."""


@dataclass(frozen=True, slots=True)
class TaskPlan:
    """A task as it should be on this worker.

    `generation` is the offset of the task configurations in the topic of configurations, and `starts` how often a person has asked to
    start it anew: when one of them changes, what runs is ended and another one begun.
    """

    config: Mapping[str, str]
    properties: Mapping[str, str]
    generation: int
    starts: int = 0
    paused: bool = False

    @property
    def issue(self) -> tuple[int, int]:
        """What a run was made for."""
        return self.generation, self.starts


@dataclass(frozen=True, slots=True)
class _Running:
    issue: tuple[int, int]
    run: TaskRun


class WorkerTasks:
    """Starts, pauses and ends tasks until they are as planned; one caller.

    `verify` returns what a task's work calls when it has shut out earlier instances: it raises if the task has been given another
    configuration or another worker since. `on_change` is called whenever a task's state has changed.
    """

    def __init__(
        self,
        host: Host,
        verify: Callable[[TaskId, TaskPlan], Verify],
        on_change: Callable[[], None],
        *,
        grace: float = GRACE_SECONDS,
    ) -> None:
        """Begin with no task; `grace` is how long one may take to end, in seconds."""
        self.worker_id = ""
        self._host = host
        self._verify = verify
        self._on_change = on_change
        self._grace = grace
        self._plans: Mapping[TaskId, TaskPlan] = {}
        self._running: dict[TaskId, _Running] = {}
        self._turns = Turns(self._tend)

    @property
    def runs(self) -> Mapping[TaskId, TaskRun]:
        """The tasks that there are, those included that have failed or are being ended."""
        return {id: running.run for id, running in self._running.items()}  # noqa: A001

    def converge(self, plans: Mapping[TaskId, TaskPlan], group: asyncio.TaskGroup) -> None:
        """Have the tasks made as planned, in the group, and others ended; each in its own time."""
        self._plans = plans
        self._turns.ask({*self._running, *plans}, group)

    async def end(self) -> None:
        """End all tasks, and wait for them; for the last time, also when the group is being cancelled."""
        self._plans = {}
        await self._turns.idle()
        await asyncio.gather(*(self._end(id) for id in [*self._running]))  # noqa: A001

    async def _tend(self, id: TaskId, group: asyncio.TaskGroup) -> None:  # noqa: A002
        running, plan = self._running.get(id), self._plans.get(id)
        if running is not None and (plan is None or running.issue != plan.issue):
            await self._end(id)
        plan = self._plans.get(id)  # ending takes a while, and it may be another one by now
        if plan is not None:
            running = self._running.setdefault(id, _Running(plan.issue, self._new(id, plan)))
            await self._move(running.run, plan, group)

    async def _end(self, id: TaskId) -> None:  # noqa: A002
        await self._running[id].run.stop()
        del self._running[id]
        self._on_change()

    async def _move(self, run: TaskRun, plan: TaskPlan, group: asyncio.TaskGroup) -> None:
        if plan.paused and run.state in {State.RUNNING, State.UNASSIGNED}:
            await run.stop(State.PAUSED)
        elif not plan.paused and run.state in {State.UNASSIGNED, State.PAUSED}:
            run.start(group)

    def _new(self, id: TaskId, plan: TaskPlan) -> TaskRun:  # noqa: A002
        work = partial(self._host.work, id, plan.config, plan.properties, verify=self._verify(id, plan))
        return TaskRun(
            str(id),
            self._host.version(plan.config),
            self.worker_id,
            work,
            hide=partial(self._host.hide, id.connector),
            grace=self._grace,
            on_change=self._on_change,
        )
