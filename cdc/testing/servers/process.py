"""Processes and ports of this machine, known by their number."""

from __future__ import annotations

import os
import random
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path

from cdc.testing.servers.base import LOOPBACK, ServerError


def end_process(pid: int, how: signal.Signals, seconds: float) -> None:
    """End a process by its pid and wait until it is gone; SIGKILL when `how` did not do it within `seconds`.

    SIGKILL reaches the children also: a server that was stopped in good order has ended its own.
    """
    family = _children(pid)
    with suppress(ProcessLookupError):
        os.kill(pid, how)
    if how is not signal.SIGKILL and _gone(pid, seconds):
        return
    for member in [pid, *family]:
        with suppress(ProcessLookupError):
            os.kill(member, signal.SIGKILL)
    for member in [pid, *family]:
        _gone(member, seconds)


def alive(pid: int, mark: str) -> bool:
    """Tell whether the process lives and has `mark` in its command line; a pid alone may have been given to another."""
    try:
        return mark.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def born(pid: int) -> str:
    """Return when the process was started, in clock ticks since the machine was; empty if there is none."""
    fields = _status(pid)
    return fields[19] if len(fields) > 19 else ""


def free_port() -> int:
    """Return a free loopback port that no outgoing connection will take while the server is down.

    The kernel gives outgoing connections a port from 32768 on; a client that tries again and again could get the very
    port of the stopped server, and then it would be connected to itself.
    """
    for _ in range(1000):
        port = random.randint(15_000, 32_000)  # noqa: S311 (no secret)
        with socket.socket() as probe, suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port
    raise ServerError("no free port between 15000 and 32000 on 127.0.0.1", "Stop servers that are no longer needed.")


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _gone(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while _lives(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _lives(pid: int) -> bool:
    return _status(pid)[0] not in "ZX"  # zombies have ended; nobody waited for them yet


def _status(pid: int) -> list[str]:
    """Return the fields of `/proc/<pid>/stat` from the state on; a process that is not there is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ["X"]
