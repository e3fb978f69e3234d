"""Tasks of connectors."""

from __future__ import annotations

import re
from typing import Final

from aiohttp import web

from cdc.connect.herder import NotFound, TaskId
from cdc.connect.rest.answers import answer, empty, task_info, task_status
from cdc.connect.rest.routes import HERDER, Route


async def _list(request: web.Request) -> web.Response:
    tasks = await request.app[HERDER].tasks(request.match_info["connector"])
    return answer([task_info(task) for task in tasks])


async def _status(request: web.Request) -> web.Response:
    task = _task(request)
    status = await request.app[HERDER].status(task.connector)
    if task.task not in status.tasks:
        raise NotFound(f"No status found for task {task}")
    return answer(task_status(task.task, status.tasks[task.task]))


async def _restart(request: web.Request) -> web.Response:
    await request.app[HERDER].restart_task(_task(request))
    return empty(204)


def _task(request: web.Request) -> TaskId:
    number = request.match_info["task"]
    if not re.fullmatch(r"-?[0-9]{1,9}", number):
        raise web.HTTPNotFound
    return TaskId(request.match_info["connector"], int(number))


_TASKS: Final = "/connectors/{connector}/tasks"

ROUTES: Final = (
    Route("GET", _TASKS, "List the tasks of a connector with their configurations", _list, {200: "TaskInfos"}),
    Route("GET", f"{_TASKS}/{{task}}/status", "Get the state of a task", _status, {200: "TaskStatus"}),
    Route("POST", f"{_TASKS}/{{task}}/restart", "Restart a task", _restart, {204: ""}),
)
"""The routes of this group."""
