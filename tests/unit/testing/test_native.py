"""A server as a process: what a start waits for, what it says when it fails, and what it leaves."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cdc.testing.servers.base import Address, ServerError
from cdc.testing.servers.native import NativeServer
from cdc.testing.servers.process import alive

SERVE = "import time; print('ready', flush=True); time.sleep(600)"
FAIL = "import sys; print('line of the log', flush=True); sys.exit('no such setting')"
HANG = "import time; print('still loading', flush=True); time.sleep(600)"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of its own, so that no other run's servers are seen."""
    monkeypatch.setenv("CDC_CACHE", str(tmp_path / "cache"))


class Script(NativeServer):
    """A server that is a line of Python."""

    name = "script"
    start_seconds = 1.0
    discard_signal = signal.SIGTERM

    def __init__(self, code: str) -> None:
        super().__init__()
        self.code = code
        self.prepared = 0

    def _prepare(self) -> None:
        self.prepared += 1

    def _command(self) -> list[str]:
        return [sys.executable, "-c", self.code, str(self.folder)]

    def _is_ready(self) -> bool:
        return "ready" in self._log_since_start()

    def _address(self, pid: int) -> Address:
        return Address(name=self.name, port=self.port, url="", pid=pid, data=str(self.folder))


def test_start_is_done_once_and_prepares_once():
    with Script(SERVE) as server:
        first = server.address
        assert server.start() == first
        assert server.restart().pid != first.pid
        assert server.prepared == 1


def test_a_server_that_ends_is_reported_with_its_log():
    with pytest.raises(ServerError, match=r"(?s)ended before it was ready.*line of the log\n  no such setting"):
        Script(FAIL).__enter__()


def test_a_server_that_hangs_is_reported_with_its_log_and_killed():
    server = Script(HANG)
    with pytest.raises(ServerError, match=r"(?s)not ready within 1 s.*still loading"):
        server.start()
    assert not server.running
    server.discard()


def test_the_log_of_an_earlier_start_does_not_make_a_server_ready():
    server = Script(SERVE)
    with server:
        server.stop()
        server.code = HANG
        with pytest.raises(ServerError, match="not ready"):
            server.start()


def test_a_server_that_does_not_run_has_no_address():
    with pytest.raises(ServerError, match="does not run"):
        _ = Script(SERVE).address


def test_discard_deletes_the_folder_and_the_next_start_has_a_new_one():
    server = Script(SERVE)
    first = Path(server.start().data)
    server.discard()
    assert not first.exists()
    with server:
        assert server.prepared == 2
        assert server.folder != first


OWNER = """
import os, signal, sys
from tests.unit.testing.test_native import Script, SERVE
server = Script(SERVE)
address = server.start()
if sys.argv[1] == "released":
    server.release()
print(address.pid, address.data, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def abandoned(how: str) -> tuple[int, Path]:
    """Start a server in a process that is killed; return the server's pid and folder."""
    done = subprocess.run([sys.executable, "-c", OWNER, how], capture_output=True, text=True, check=False)
    pid, folder = done.stdout.split()
    return int(pid), Path(folder)


def test_the_next_start_ends_a_server_whose_owner_was_killed():
    pid, folder = abandoned("kept")
    assert alive(pid, str(folder))
    with Script(SERVE):
        assert not alive(pid, str(folder))
        assert not folder.exists()


def test_a_released_server_outlives_its_owner():
    pid, folder = abandoned("released")
    with Script(SERVE):
        assert alive(pid, str(folder))
        assert folder.exists()
    subprocess.run(["kill", str(pid)], check=True)
    (folder / "server.log").unlink()
    folder.rmdir()


def test_a_server_of_a_living_owner_is_left_alone():
    with Script(SERVE) as one, Script(SERVE) as other:
        assert one.running
        assert other.running
