"""Collects the metrics of what runs on a worker, at each scrape; nothing is kept between two."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from cdc.connect.herder import ConnectorType
from cdc.connect.metrics.log_figures import HISTORY, OWN, SNAPSHOT, STREAMING
from cdc.connect.metrics.task_figures import ERRORS, SINK, SOURCE, STATES, TASK
from cdc.connect.metrics.views import ConnectorView, TaskView, WorkerView
from cdc.connect.metrics.watched import Member, RunningConnector, Watched
from cdc.connect.metrics.worker_figures import CONNECTOR, COORDINATOR, REBALANCES, TASKS_OF_CONNECTOR, WORKER
from cdc.connect.task_run import TaskRun

#: Every group, in the order of the reference page.
GROUPS: Final = (
    WORKER,
    TASKS_OF_CONNECTOR,
    COORDINATOR,
    REBALANCES,
    CONNECTOR,
    STATES,
    TASK,
    SOURCE,
    SINK,
    ERRORS,
    STREAMING,
    SNAPSHOT,
    HISTORY,
    OWN,
)

Labels = Mapping[str, str]


class WorkerMetrics(Collector):
    """The metrics of a worker, and those of its process.

    `herder` shows what runs here (`Watched`) and how the worker stands in its group (`Member`), if it can. `clock` is that of the tasks' counters.
    """

    def __init__(self, herder: object, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._herder = herder
        self._clock = clock
        self._process = ProcessCollector(registry=None)

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics as they are now; never waits."""
        yield from self._process.collect()
        if isinstance(self._herder, Watched):
            yield from self._collect(self._herder)

    def _collect(self, herder: Watched) -> Iterator[Metric]:
        runs = herder.runs()
        worker: list[tuple[Labels, WorkerView]] = [({}, WorkerView(tuple(runs.values()), herder.startups()))]
        yield from WORKER.families(worker)
        if isinstance(herder, Member):
            yield from COORDINATOR.families(worker)
            yield from REBALANCES.families([({}, herder.rebalances())])
        connectors = [({"connector": name}, ConnectorView(each)) for name, each in runs.items()]
        yield from TASKS_OF_CONNECTOR.families(connectors)
        yield from CONNECTOR.families(connectors)
        yield from STATES.families(list(_tasks(runs)))
        yield from _of_tasks(list(self._views(runs)))

    def _views(self, runs: Mapping[str, RunningConnector]) -> Iterator[tuple[Labels, TaskView]]:
        now = self._clock()
        for labels, run in _tasks(runs):
            if run.progress is not None:
                yield labels, TaskView(run, runs[labels["connector"]].type, run.progress, now)


def _tasks(runs: Mapping[str, RunningConnector]) -> Iterator[tuple[Labels, TaskRun]]:
    for name, connector in runs.items():
        for number, run in connector.tasks.items():
            yield {"connector": name, "task": str(number)}, run


def _of_tasks(views: list[tuple[Labels, TaskView]]) -> Iterator[Metric]:
    yield from TASK.families(views)
    yield from SOURCE.families([each for each in views if each[1].type is ConnectorType.SOURCE])
    yield from SINK.families([each for each in views if each[1].type is ConnectorType.SINK])
    yield from ERRORS.families(views)
    yield from _of_logs([each for each in views if each[1].progress.source is not None])
    yield from OWN.families(views)


def _of_logs(views: list[tuple[Labels, TaskView]]) -> Iterator[Metric]:
    """Yield Debezium's metrics; a name that several contexts have is one metric."""
    found: dict[str, Metric] = {}
    for group, context in ((STREAMING, "streaming"), (SNAPSHOT, "snapshot"), (HISTORY, "schema-history")):
        for family in group.families([({**labels, **_log(view), "context": context}, view) for labels, view in views]):
            if family.name in found:
                found[family.name].samples += family.samples
            else:
                found[family.name] = family
    yield from found.values()


def _log(view: TaskView) -> Labels:
    source = view.progress.source
    name = source.partition.get("server", "") if source is not None else ""
    return {"plugin": view.progress.plugin, "name": name}
