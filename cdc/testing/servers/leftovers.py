"""Servers whose owner was killed before it could stop them: found by the next start, and ended.

Each running server has a file in the cache that names its owner, the process that started it. `SIGKILL` and `SIGTERM` end a
test run without its clean-up, and a forgotten broker costs half a gigabyte.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
from dataclasses import asdict, dataclass
from pathlib import Path

from cdc.testing.servers.cache import cache_folder, locked
from cdc.testing.servers.process import alive, born, end_process

STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Running:
    """A server's process and folder, the signal that ends it quickly, and its owner with the time that one was born."""

    pid: int
    folder: str
    how: int
    owner: int
    owner_born: str


def remember(pid: int, folder: Path, how: signal.Signals) -> None:
    """Note that this process owns the server."""
    owner = os.getpid()
    _record(pid).write_text(json.dumps(asdict(Running(pid, str(folder), how, owner, born(owner)))))


def forget(pid: int) -> None:
    """Note that the server has ended, or that it shall outlive its owner."""
    _record(pid).unlink(missing_ok=True)


def sweep() -> None:
    """End every server whose owner is gone, and delete its folder."""
    with locked("running"):
        for record in _folder().glob("*.json"):
            _end_if_orphaned(record)


def _end_if_orphaned(record: Path) -> None:
    try:
        server = Running(**json.loads(record.read_text()))
    except (FileNotFoundError, ValueError):  # it ended just now, or is being written
        return
    if born(server.owner) == server.owner_born:
        return
    if alive(server.pid, server.folder):
        end_process(server.pid, signal.Signals(server.how), STOP_SECONDS)
    shutil.rmtree(server.folder, ignore_errors=True)
    record.unlink(missing_ok=True)


def _record(pid: int) -> Path:
    return _folder() / f"{pid}.json"


def _folder() -> Path:
    folder = cache_folder() / "running"
    folder.mkdir(exist_ok=True)
    return folder
