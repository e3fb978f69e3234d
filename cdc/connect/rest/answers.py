"""Answers in Connect's shape: the values of the herder as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from aiohttp import web

from cdc.connect.herder import ConnectorInfo, ConnectorOffset, ConnectorStatus, InstanceStatus, PluginInfo, TaskInfo


def answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a JSON answer; text that is no UTF-8 is replaced, so that an answer never fails."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


def empty(status: int) -> web.Response:
    """Return an answer without a body."""
    return web.Response(status=status)


def failure(status: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an error in Connect's shape."""
    return answer({"error_code": status, "message": message}, status, headers)


def put_answer(request: web.Request, created: bool, info: ConnectorInfo) -> web.Response:
    """Return a connector that was created, with its address, or changed."""
    if not created:
        return answer(connector_info(info))
    location = address(request, f"/connectors/{quote(info.name, safe='')}")
    return answer(connector_info(info), 201, {"Location": location})


def address(request: web.Request, path: str) -> str:
    """Return the address of a path of this API, by the host that the request names; the path alone if it names none."""
    # aiohttp would look up the name of this machine for a request that names no host, and wait for it.
    return f"{request.scheme}://{request.host}{path}" if "Host" in request.headers else path


def connector_info(info: ConnectorInfo) -> dict[str, Any]:
    """Return Connect's `ConnectorInfo`."""
    tasks = [{"connector": task.connector, "task": task.task} for task in info.tasks]
    return {"name": info.name, "config": dict(info.config), "tasks": tasks, "type": info.type}


def connector_status(status: ConnectorStatus) -> dict[str, Any]:
    """Return Connect's `ConnectorStateInfo`."""
    tasks = [task_status(number, task) for number, task in status.tasks.items()]
    return {"name": status.name, "connector": _state(status.connector), "tasks": tasks, "type": status.type}


def task_status(number: int, status: InstanceStatus) -> dict[str, Any]:
    """Return Connect's `TaskState`."""
    return {"id": number, **_state(status)}


def _state(status: InstanceStatus) -> dict[str, Any]:
    trace = {"trace": status.trace} if status.trace else {}
    return {"state": status.state, "worker_id": status.worker_id, "version": status.version, **trace}


def task_info(info: TaskInfo) -> dict[str, Any]:
    """Return Connect's `TaskInfo`."""
    return {"id": {"connector": info.id.connector, "task": info.id.task}, "config": dict(info.config)}


def connector_offset(offset: ConnectorOffset) -> dict[str, Any]:
    """Return Connect's `ConnectorOffset`."""
    position = None if offset.offset is None else dict(offset.offset)
    return {"partition": dict(offset.partition), "offset": position}


def plugin_info(info: PluginInfo) -> dict[str, Any]:
    """Return Connect's `PluginInfo`."""
    return {"class": info.class_name, "type": info.type, "version": info.version}
