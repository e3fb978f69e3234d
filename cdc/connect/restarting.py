"""What a restart will do, as it is announced: the plan of KIP-745."""

from __future__ import annotations

from cdc.connect.herder import ConnectorStatus, InstanceStatus, State


def chosen_tasks(status: ConnectorStatus, *, include_tasks: bool, only_failed: bool) -> list[int]:
    """Return the numbers of the tasks that a restart is about."""
    tasks = status.tasks.items() if include_tasks else ()
    return [number for number, task in tasks if task.state is State.FAILED or not only_failed]


def restarting(status: ConnectorStatus, *, include_tasks: bool, only_failed: bool) -> ConnectorStatus:
    """Return the status as it is announced: what is restarted is RESTARTING."""
    tasks = chosen_tasks(status, include_tasks=include_tasks, only_failed=only_failed)
    connector_too = not only_failed or status.connector.state is State.FAILED

    def announced(instance: InstanceStatus, chosen: bool) -> InstanceStatus:
        return InstanceStatus(State.RESTARTING, instance.worker_id, instance.version) if chosen else instance

    return ConnectorStatus(
        status.name,
        announced(status.connector, connector_too),
        {number: announced(task, number in tasks) for number, task in status.tasks.items()},
        status.type,
    )
