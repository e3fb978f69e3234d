"""One worker as a member of its cluster: it joins the group, runs what it is assigned, and leads while it is the leader."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from cdc.connect.cluster.assignment import Assignment, MemberState, assign
from cdc.connect.cluster.configs import ConfigState, NewLevel, Restart
from cdc.connect.cluster.leader import Leader, wanted_tasks
from cdc.connect.cluster.links import Links
from cdc.connect.cluster.reporter import Report, StatusReporter, Subject
from cdc.connect.cluster.statuses import StatusState, StoredStatus, forget_topics, spoken_of
from cdc.connect.cluster.tasks import TaskPlan, WorkerTasks
from cdc.connect.herder import InstanceStatus, NotLeader, State, TargetState, TaskId
from cdc.connect.host import Host
from cdc.connect.loggers import Loggers
from cdc.connect.metrics.watched import Rebalances
from cdc.connect.task_run import GRACE_SECONDS
from cdc.errors import CdcError, Fenced, KafkaUnavailable
from cdc.kafka.membership import Generation
from cdc.kafka.topic_log import LogRecord

log = logging.getLogger(__name__)

RETRY_SECONDS: Final = 1.0
#: Short, since nothing else is followed meanwhile, the loss of membership neither; it is tried again.
CATCH_UP_SECONDS: Final = 2.0
#: Well within every rebalance timeout.
ASSIGN_SECONDS: Final = 5.0
#: How long the end is delayed to say that tasks have ended, and again to stop connectors.
LAST_WORDS_SECONDS: Final = 2.0
#: How long after a task was shut out it is not started again for the same reason, in seconds.
TAKE_BACK_SECONDS: Final = 60.0


class ClusterMember:
    """Follows the cluster's configurations and the group's assignments; a `cdc.kafka.membership.Member`.

    Everything that runs is compared with what should run, and made so: it does not matter in which order news arrive, or whether some come
    twice. Three loops do that: for the tasks here, for the connectors while this worker leads, and for what is told to all. `url` is where
    others reach the REST API of this worker, `worker_id` its host and port.
    """

    def __init__(
        self,
        host: Host,
        links: Links,
        loggers: Loggers,
        *,
        clock: Callable[[], float] = time.monotonic,
        grace: float = GRACE_SECONDS,
    ) -> None:
        """Take what runs things, what links to the cluster, and the loggers here; a task may take `grace` seconds to end."""
        self.configs = ConfigState()
        self.statuses = StatusState()
        self.url = ""
        self.worker_id = ""
        self._host = host
        self._loggers = loggers
        self._clock = clock
        self._config_log = links.config_log(self._take_configs)
        self._status_log = links.status_log(self._take_statuses)
        self._membership = links.membership(self)
        self.leader = Leader(
            host,
            self._config_log,
            links.config_writer,
            lambda: self.configs.connectors,
            self._wake,
            self._ask_who_leads,
            lambda: self.worker_id,
        )
        self.tasks = WorkerTasks(host, self._verifier, self._wake, grace=grace)
        self.reporter = StatusReporter(links.status_writer, self._report, self.statuses, _now_ms)
        self._assignment: Assignment | None = None
        self._generation: Generation | None = None
        self._reported: frozenset[TaskId] = frozenset()
        self._wanted: frozenset[TaskId] = frozenset()
        self._asked = False
        self._present: frozenset[str] = frozenset()
        self._starts: dict[TaskId, int] = {}
        self._taken_back: dict[TaskId, float] = {}
        self._live = False
        self._joining = True
        self._formed = 0
        self._formed_at: float | None = None
        self._follow_again, self._lead_again = asyncio.Event(), asyncio.Event()
        self._followed = asyncio.Condition()
        self.joined = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None

    @property
    def generation(self) -> Generation | None:
        """The generation of the group whose assignment is followed; None while there is none."""
        return self._generation

    @property
    def leader_url(self) -> str:
        """Where the leader's REST API is, "" while there is none that is known."""
        return self._assignment.leader_url if self._assignment is not None else ""

    def rebalances(self) -> Rebalances:
        """Return how this worker stands in the group, for its metrics."""
        since = None if self._formed_at is None else self._clock() - self._formed_at
        epoch = None if self._generation is None else self._generation.number
        return Rebalances(self.leader_url or None, epoch, self._formed, self._joining, since)

    def check_leading(self) -> None:
        """Raise NotLeader unless this worker leads."""
        if not self.leader.leading:
            raise NotLeader(self.leader_url if self.leader_url != self.url else "")

    async def run(self) -> None:
        """Be a member until cancelled; then end the tasks, say so, and leave.

        Raises:
            KafkaRefused: a topic or the group may not be used.
        """
        async with asyncio.TaskGroup() as self._group:
            group = self._group
            group.create_task(self._config_log.run(), name="config log")
            group.create_task(self._status_log.run(), name="status log")
            await self._read_everything()
            loops = [group.create_task(each) for each in (self._follow(group), self._lead(group), self.reporter.run())]
            membership = group.create_task(self._membership.run(), name="membership")
            try:
                await asyncio.Event().wait()
            finally:
                await self._wind_down(loops, membership)

    async def read_to_end(self) -> None:
        """Return when every configuration that was written before is known; raises KafkaUnavailable."""
        await self._config_log.read_to_end()

    async def forget_topics(self, connector: str) -> None:
        """Forget which topics a connector has used, on all workers; raises KafkaUnavailable."""
        await self._status_log.read_to_end()
        await self.reporter.write(forget_topics(connector, self.statuses.topics(connector)))
        await self._status_log.read_to_end()

    def metadata(self) -> bytes:
        """See `cdc.kafka.membership.Member.metadata`."""
        self._joining = True
        self._wanted = wanted_tasks(self.configs.connectors)
        self._reported = (self._mine() & self._wanted) | self.tasks.runs.keys()
        return MemberState(self.url, self._config_log.position, self._reported).encode()

    async def assign(self, members: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """See `cdc.kafka.membership.Member.assign`."""
        with suppress(KafkaUnavailable):  # assigned by what is known; whatever is missed leads to another round
            await self._config_log.read_to_end(ASSIGN_SECONDS)
        states = {member: MemberState.decode(data) for member, data in members.items()}
        self._note_present(states.values())
        shares = assign(states, wanted_tasks(self.configs.connectors))
        me = next((member for member, state in states.items() if state.url == self.url), "")
        offset = self._config_log.position
        return {member: Assignment(me, self.url, offset, tasks).encode() for member, tasks in shares.items()}

    def _note_present(self, states: Iterable[MemberState]) -> None:
        """Keep which workers there are, and tell when two cannot be told apart."""
        urls = Counter(state.url for state in states)
        self._present = frozenset(urlsplit(url).netloc for url in urls)
        for url, count in urls.items():
            if count > 1:
                log.error(
                    "%d workers of the cluster say that their REST API is at %s: requests do not reach the leader, and statuses do not "
                    "tell who runs a task. Set rest.advertised.host.name and rest.advertised.port, on each to where others reach it.",
                    count,
                    url,
                )

    async def assigned(self, generation: Generation, assignment: bytes) -> None:
        """See `cdc.kafka.membership.Member.assigned`."""
        if generation != self._generation:
            self._formed, self._formed_at = self._formed + 1, self._clock()
        self._assignment, self._generation, self._joining = Assignment.decode(assignment), generation, False
        self.leader.leading = generation.leader
        self._asked = False
        log.info(
            "generation %d: %s; %d tasks here",
            generation.number,
            "leading" if generation.leader else f"led by {self.leader_url}",
            len(self._assignment.tasks),
        )
        self.joined.set()
        self._wake()

    async def lost(self) -> None:
        """See `cdc.kafka.membership.Member.lost`."""
        log.warning("this worker was silent for too long: its tasks end here, since they may run elsewhere by now")
        self._assignment, self._generation, self._reported = None, None, frozenset()
        self.leader.leading = False
        self.reporter.forget()
        self._wake()
        async with self._followed:
            await self._followed.wait_for(lambda: not self.tasks.runs)

    def _wake(self) -> None:
        self._follow_again.set()
        self._lead_again.set()
        self.reporter.wake()

    async def _read_everything(self) -> None:
        while not self._live:
            try:
                await self._config_log.read_to_end()
                await self._status_log.read_to_end()
                self._live = True
            except KafkaUnavailable as error:
                log.warning("%s", error.sentence())
                await asyncio.sleep(RETRY_SECONDS)

    def _take_configs(self, records: Sequence[LogRecord]) -> None:
        for record in records:
            wish = self.configs.apply(record)
            if wish is not None and self._live:
                self._carry_out(wish)
        self._wake()

    def _carry_out(self, wish: Restart | NewLevel) -> None:
        if isinstance(wish, NewLevel):
            self._loggers.set_level(wish.logger, wish.level)
            log.info("the level of logger %s is now %s, on all workers", wish.logger, wish.level)
        else:
            self._restart(wish)

    def _restart(self, wish: Restart) -> None:
        """Start anew what a person has asked for, as far as it is here."""
        for task, run in self.tasks.runs.items():
            chosen = wish.include_tasks if wish.task is None else wish.task == task.task
            if task.connector == wish.connector and chosen and (run.state is State.FAILED or not wish.only_failed):
                self._starts[task] = self._starts.get(task, 0) + 1
        if wish.task is None and self.leader.leading:
            self.leader.restart(wish.connector, only_failed=wish.only_failed)

    def _take_statuses(self, records: Sequence[LogRecord]) -> None:
        for record in records:
            self.statuses.apply(record)
        told, forgotten = spoken_of(records)
        for task, run in self.tasks.runs.items():
            said = self.statuses.tasks(task.connector).get(task.task)
            if task in told and (said is None or said.instance != run.status):
                self.reporter.doubt(task)
            if task.connector in forgotten:
                run.forget_topics()
        self.reporter.wake()

    def _is_mine(self, said: StoredStatus | None) -> bool:
        return said is not None and said.instance.worker_id == self.worker_id

    def _plans(self) -> Mapping[TaskId, TaskPlan]:
        """Return what this worker is to run: of what it is assigned, all that is configured, and shut out elsewhere."""
        plans = {}
        for task in self._assignment.tasks if self._assignment is not None else ():
            entry = self.configs.connectors.get(task.connector)
            if entry is None or entry.target is TargetState.STOPPED or entry.tasks is None:
                continue
            if task.task < len(entry.tasks) and entry.fenced and entry.tasks_offset > entry.config_offset:
                paused = entry.target is TargetState.PAUSED
                starts = self._starts.get(task, 0)
                plans[task] = TaskPlan(entry.config, entry.tasks[task.task], entry.tasks_offset, starts, paused)
        return plans

    def _verifier(self, task: TaskId, plan: TaskPlan) -> Callable[[], Awaitable[None]]:
        async def verify() -> None:
            await self.read_to_end()
            now = self._plans().get(task)
            if now is None or now.issue != plan.issue:
                raise Fenced(f"Task {task} is not to run here any more", "It runs elsewhere, or as configured anew.")

        return verify

    async def _follow(self, group: asyncio.TaskGroup) -> None:
        while True:
            await self._follow_again.wait()
            self._follow_again.clear()
            self.tasks.converge(await self._caught_up(), group)
            self._take_back()
            self._ask()
            async with self._followed:
                self._followed.notify_all()

    def _ask(self) -> None:
        """Ask for a rebalance when tasks have been given up here, or when there are other tasks than the leader has known of."""
        if self._assignment is None or self._asked:
            return
        given_up = self._reported - self.tasks.runs.keys() - self._mine()
        news = self._config_log.position > self._assignment.config_offset
        if given_up or (news and wanted_tasks(self.configs.connectors) != self._wanted):
            self._asked = True
            self._membership.rejoin()

    def _mine(self) -> frozenset[TaskId]:
        return self._assignment.tasks if self._assignment is not None else frozenset()

    async def _caught_up(self) -> Mapping[TaskId, TaskPlan]:
        """Return the plans once the configurations have been read as far as the leader had when it assigned.

        As long as they cannot be read, nothing new is started, but what runs elsewhere now ends here.
        """
        try:
            if self._assignment is not None and self._config_log.position < self._assignment.config_offset:
                await self._config_log.read_to_end(CATCH_UP_SECONDS)
        except KafkaUnavailable:
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self._follow_again.set)
            return {id: plan for id, plan in self._plans().items() if id in self.tasks.runs}  # noqa: A001
        return self._plans()

    def _take_back(self) -> None:
        """Start a task again that was shut out although it is to run here.

        A worker that was paused as it started the task may have done that, when it came to itself. A person may have done it too, so it
        is not done again at once.
        """
        for task, run in self.tasks.runs.items():
            if run.state is not State.FAILED or not isinstance(run.failure, Fenced) or task not in self._mine():
                continue
            if self._clock() - self._taken_back.get(task, -TAKE_BACK_SECONDS) >= TAKE_BACK_SECONDS:
                self._taken_back[task] = self._clock()
                self._starts[task] = self._starts.get(task, 0) + 1
                self._follow_again.set()

    async def _lead(self, group: asyncio.TaskGroup) -> None:
        while True:
            await self._lead_again.wait()
            self._lead_again.clear()
            try:
                await self.leader.converge(group)
            except NotLeader:
                pass  # whoever is told to lead does it
            except KafkaUnavailable as error:
                log.warning("this worker cannot lead now, which is tried again: %s", error.sentence())
                asyncio.get_running_loop().call_later(RETRY_SECONDS, self._lead_again.set)

    def _ask_who_leads(self) -> None:
        self._membership.rejoin()
        self._wake()

    def _report(self) -> Report | None:
        if self._generation is None:
            return None
        leading = self.leader.in_office
        statuses: dict[Subject, InstanceStatus] = {task: run.status for task, run in self.tasks.runs.items()}
        statuses.update(self.leader.statuses() if leading else {})
        return Report(
            self._generation.number,
            statuses,
            [(topic, task) for task, run in self.tasks.runs.items() for topic in run.topics],
            self.statuses.forgetting({*self.configs.connectors}) if leading else (),
            self._exists,
            self._ended(),
        )

    def _exists(self, subject: Subject) -> bool:
        name = subject.connector if isinstance(subject, TaskId) else subject
        return name in self.configs.connectors

    def _ended(self) -> Mapping[TaskId, StoredStatus]:
        """Return what was said last of tasks that run no more, by those who cannot say so: a former life of this worker, or the lost ones."""
        return {
            task: said
            for task, said in self.statuses.at_work(self.configs.connectors)
            if task not in self.tasks.runs
            and (self._is_mine(said) or (self.leader.in_office and said.instance.worker_id not in self._present))
        }

    async def _wind_down(self, loops: Sequence[asyncio.Task[None]], membership: asyncio.Task[None]) -> None:
        """End the tasks, say that they have ended, and leave the group, in this order."""
        follow, lead, report = loops
        self._assignment = None
        await _ended(follow)
        await self.tasks.end()
        await _ended(report)
        with suppress(CdcError, TimeoutError):
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                await self.reporter.flush()
        await self.reporter.close()
        await _ended(lead)
        resigning = asyncio.ensure_future(self.leader.resign())
        await asyncio.wait({resigning}, timeout=LAST_WORDS_SECONDS)
        resigning.cancel()
        await _ended(membership)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
