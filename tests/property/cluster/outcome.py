"""Whether all is as wanted, and everybody says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cdc.connect.distributed import DistributedHerder
from cdc.connect.herder import State, TargetState, TaskId
from tests.property.cluster.sources import Host, Sources


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a cluster has come to: its workers by number, and all that runs."""

    herders: Mapping[int, DistributedHerder]
    hosts: Mapping[int, Host]
    sources: Sources

    async def problem(self) -> str | None:
        """Return what is not as wanted."""
        leaders = [number for number, herder in self.herders.items() if herder._member.leader.leading]
        if len(leaders) != 1:
            return f"workers {leaders} lead"
        told = self.herders[leaders[0]]._member.configs.connectors
        wanted = {
            TaskId(name, task)
            for name, entry in told.items()
            if entry.target is TargetState.STARTED
            for task in range(int(entry.config["tasks.max"]))
        }
        running = Counter(work.id for work in self.sources.active if work.may_write)
        if running != Counter(wanted) or len(self.sources.active) != len(wanted):
            return f"{sorted(map(str, wanted))} are wanted, and there run {sorted(map(str, running.elements()))}"
        if any(work.division != told[work.id.connector].config["division"] for work in self.sources.active):
            return "tasks of a former division run"
        assigned = [len(herder._member._mine()) for herder in self.herders.values()]
        if max(assigned) - min(assigned) > 1:
            return f"the tasks are spread unevenly: {assigned}"
        for number, herder in self.herders.items():
            if (found := await self.untold(number, herder, told)) is not None:
                return found
        return None

    def number(self, host: Host) -> int:
        return next(number for number, each in self.hosts.items() if each is host)

    async def untold(self, number: int, herder: DistributedHerder, told: Mapping[str, Any]) -> str | None:
        """Return what a worker says that does not hold."""
        if sorted(await herder.connectors()) != sorted(told):
            return f"worker {number} knows {await herder.connectors()}, and not {[*told]}"
        states = {
            TargetState.STARTED: State.RUNNING,
            TargetState.PAUSED: State.PAUSED,
            TargetState.STOPPED: State.STOPPED,
        }
        where = {work.id: f"w{self.number(work.host)}:1" for work in self.sources.active}
        for name, entry in told.items():
            status = await herder.status(name)
            if status.connector.state is not states[entry.target]:
                return f"worker {number} says that connector {name} is {status.connector}"
            count = 0 if entry.target is TargetState.STOPPED else int(entry.config["tasks.max"])
            if [*status.tasks] != [*range(count)]:
                return f"worker {number} knows tasks {[*status.tasks]} of {name}, and not {count}"
            for task, instance in status.tasks.items():
                if instance.state is not states[entry.target]:
                    return f"worker {number} says that task {task} of {name} is {instance}"
                if entry.target is TargetState.STARTED and instance.worker_id != where[TaskId(name, task)]:
                    return f"worker {number} says that {name}-{task} is at {instance.worker_id}, and not {where}"
        stored = herder._member.statuses
        for name in stored.names():
            if name not in told:
                return f"worker {number} still has statuses of {name}"
            for task, said in stored.tasks(name).items():
                if said.instance.state is State.RUNNING and TaskId(name, task) not in where:
                    return f"the status of {name}-{task} is still {said}"
        return None
