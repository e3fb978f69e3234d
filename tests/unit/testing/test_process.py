"""Processes of the kit's servers: told apart by what they run, ended with their children."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from cdc.testing.servers.process import alive, born, end_process, free_port

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
PARENT = "import subprocess, time; print(subprocess.Popen(['sleep', '600']).pid, flush=True); time.sleep(600)"


@pytest.fixture
def deaf() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does not end at SIGTERM."""
    with subprocess.Popen([sys.executable, "-c", DEAF, "deaf-mark"], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        yield process
        process.kill()


def test_a_process_is_known_by_pid_and_mark(deaf):
    assert alive(deaf.pid, "deaf-mark")
    assert not alive(deaf.pid, "another-mark")
    assert born(deaf.pid) != born(os.getpid())


def test_a_process_that_ended_is_not_alive(deaf):
    end_process(deaf.pid, signal.SIGKILL, seconds=5)
    assert not alive(deaf.pid, "deaf-mark")
    deaf.wait()
    assert born(deaf.pid) == ""


def test_who_does_not_hear_the_signal_is_killed(deaf):
    end_process(deaf.pid, signal.SIGTERM, seconds=0.2)
    assert deaf.wait(timeout=5) == -signal.SIGKILL


def test_killing_reaches_the_children():
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        end_process(parent.pid, signal.SIGKILL, seconds=5)
    assert not alive(child, "sleep")


def test_ending_what_is_gone_does_nothing():
    with subprocess.Popen(["true"]) as process:
        process.wait()
    end_process(process.pid, signal.SIGKILL, seconds=1)


def test_free_ports_are_not_those_of_outgoing_connections():
    ports = {free_port() for _ in range(50)}
    assert all(15_000 <= port < 32_768 for port in ports)
    with socket.create_server(("127.0.0.1", ports.pop())) as taken:
        assert taken.getsockname()[1] not in ports
