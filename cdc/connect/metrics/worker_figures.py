"""Kafka Connect's metrics of workers and connectors, by the names that the usual rules of the JMX exporter give them (Strimzi's)."""

from __future__ import annotations

from functools import partial
from typing import Final

from cdc.connect.herder import State
from cdc.connect.metrics.views import ConnectorView, WorkerView
from cdc.connect.metrics.watched import Rebalances
from cdc.metrics.figure import Figure, Group, counter

_WORKER: Final = "kafka_connect_worker_"
_REBALANCE: Final = "kafka_connect_worker_rebalance_"
_CONNECTOR: Final = "kafka_connect_connector_"

WORKER: Final[Group[WorkerView]] = Group(
    "Worker",
    "Connect's `connect-worker-metrics`: this worker alone, also in a cluster.",
    (),
    (
        Figure(f"{_WORKER}connector_count", "Connectors that run on this worker.", lambda w: w.own_connectors),
        Figure(f"{_WORKER}task_count", "Tasks on this worker, whatever their state.", lambda w: w.tasks),
        counter(
            f"{_WORKER}connector_startup_attempts_total",
            "Starts of connectors.",
            lambda w: w.startups.connectors.total,
        ),
        counter(
            f"{_WORKER}connector_startup_success_total",
            "Starts of connectors that succeeded.",
            lambda w: w.startups.connectors.succeeded,
        ),
        counter(
            f"{_WORKER}connector_startup_failure_total",
            "Starts of connectors that failed.",
            lambda w: w.startups.connectors.failed,
        ),
        counter(f"{_WORKER}task_startup_attempts_total", "Starts of tasks.", lambda w: w.startups.tasks.total),
        counter(
            f"{_WORKER}task_startup_success_total",
            "Starts of tasks that came up: both ends connected.",
            lambda w: w.startups.tasks.succeeded,
        ),
        counter(
            f"{_WORKER}task_startup_failure_total",
            "Starts of tasks that failed before they came up.",
            lambda w: w.startups.tasks.failed,
        ),
    ),
)

TASKS_OF_CONNECTOR: Final[Group[ConnectorView]] = Group(
    "Tasks of a connector",
    "The rest of Connect's `connect-worker-metrics`, which is about the tasks that each connector has on this worker.",
    ("connector",),
    (
        Figure(f"{_WORKER}connector_total_task_count", "All of them.", lambda c: len(c.running.tasks)),
        *(
            Figure(
                f"{_WORKER}connector_{state.lower()}_task_count",
                f"Those that are {state}.",
                partial(ConnectorView.tasks_in, state=state),
            )
            for state in (State.RUNNING, State.PAUSED, State.FAILED, State.UNASSIGNED)
        ),
    ),
)

CONNECTOR: Final[Group[ConnectorView]] = Group(
    "Connector",
    "Connect's `connector-metrics`, of connectors that run on this worker.",
    ("connector",),
    (
        Figure(
            f"{_CONNECTOR}status",
            "1; its state in small letters is the label.",
            lambda c: c.running.status.state.lower() if c.running.status else None,
            label="status",
        ),
        Figure(
            f"{_CONNECTOR}connector_class",
            "1; the class, as the configuration names it, is the label.",
            lambda c: c.running.class_name if c.running.status else None,
            label="connector_class",
        ),
        Figure(
            f"{_CONNECTOR}connector_type",
            "1; source or sink is the label.",
            lambda c: c.running.type if c.running.status else None,
            label="connector_type",
        ),
        Figure(
            f"{_CONNECTOR}connector_version",
            "1; the version of the plugin is the label.",
            lambda c: c.running.status.version if c.running.status else None,
            label="connector_version",
        ),
    ),
)

COORDINATOR: Final[Group[WorkerView]] = Group(
    "Assignment",
    "Connect's `connect-coordinator-metrics`; only of a worker in a cluster.",
    (),
    (
        Figure(
            "kafka_connect_coordinator_assigned_connectors",
            "Connectors that this worker has been given.",
            lambda w: w.own_connectors,
        ),
        Figure("kafka_connect_coordinator_assigned_tasks", "Tasks that it has been given.", lambda w: w.tasks),
    ),
)

REBALANCES: Final[Group[Rebalances]] = Group(
    "Rebalances",
    "Connect's `connect-worker-rebalance-metrics`; only of a worker in a cluster.",
    (),
    (
        Figure(
            f"{_REBALANCE}leader_name",
            "1; the leader of the group is the label.",
            lambda r: r.leader or None,
            label="leader_name",
        ),
        Figure(f"{_REBALANCE}epoch", "The generation of the group that this worker is in.", lambda r: r.epoch),
        counter(
            f"{_REBALANCE}completed_rebalances_total",
            "Rebalances that this worker has come through.",
            lambda r: r.completed,
        ),
        Figure(f"{_REBALANCE}rebalancing", "1 during a rebalance, else 0.", lambda r: r.rebalancing),
        Figure(
            f"{_REBALANCE}time_since_last_rebalance_ms",
            "Milliseconds since the last one was over.",
            lambda r: None if r.since is None else r.since * 1000,
        ),
    ),
)
