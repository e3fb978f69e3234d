"""A server as a process of this machine: started on a free loopback port, watched through its log, ended by its pid."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, TypedDict

from cdc.testing.servers.base import Address, Server, ServerError
from cdc.testing.servers.leftovers import forget, remember, sweep
from cdc.testing.servers.process import end_process, free_port


class _Surroundings(TypedDict, total=False):
    stdin: int
    cwd: Path
    user: int
    group: int
    extra_groups: list[int]


class NativeServer(Server):
    """A server as a process of this machine, in its own session, with a temporary folder for data and log.

    A subclass says how to fill an empty folder, which command runs the server, and how to see that it is ready.
    """

    start_seconds: ClassVar[float] = 60.0
    stop_seconds: ClassVar[float] = 30.0
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    discard_signal: ClassVar[signal.Signals] = signal.SIGKILL

    def __init__(self) -> None:
        self.port = free_port()
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def folder(self) -> Path:
        """The temporary folder of the server, made at the first start."""
        if self._folder is None:
            raise ServerError(f"{self.name} has no data: it was not started yet")
        return self._folder

    @property
    def log(self) -> Path:
        """The file that receives the server's output, over all starts."""
        return self.folder / "server.log"

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def address(self) -> Address:
        """The running server; raises `ServerError` when it does not run."""
        if self._process is None or not self.running:
            raise ServerError(f"{self.name} on port {self.port} does not run", "Call start() first.")
        return self._address(self._process.pid)

    def start(self) -> Address:
        """Start and wait until clients are served; raises `ServerError` with the end of the log when that fails."""
        if not self.running:
            sweep()
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix=f"cdc-{self.name}-", dir=self._temporary_root()))
                self._prepare()
            else:
                self._recover()
            self._launch(self._command())
            self._wait_until(self._is_ready)
        return self.address

    def stop(self) -> None:
        """Stop in good order and keep the data."""
        self._end(self.stop_signal)

    def kill(self) -> None:
        """End the process and its children with SIGKILL and keep the data."""
        self._end(signal.SIGKILL)

    def release(self) -> Address:
        """Let the server outlive this process and this object; return what to stop it by."""
        address = self.address
        forget(address.pid)
        return address

    def discard(self) -> None:
        """Stop in the quickest way that leaves nothing behind, and delete the data."""
        self._end(self.discard_signal)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    @abstractmethod
    def _prepare(self) -> None:
        """Fill the new, empty folder."""

    def _recover(self) -> None:
        """Prepare data that an earlier start has used, for one more."""

    @abstractmethod
    def _command(self) -> list[str]:
        """Return the command line of the server."""

    @abstractmethod
    def _is_ready(self) -> bool:
        """Tell whether the server that was launched takes clients now."""

    @abstractmethod
    def _address(self, pid: int) -> Address:
        """Describe the running server."""

    def _temporary_root(self) -> Path | None:
        """Return the folder for temporary data; None is the system's."""
        return None

    def _account(self) -> int | None:
        """Return the user id to run as; None is the present one."""
        return None

    def _run(self, command: list[str]) -> str:
        """Run a command beside the server and return its output; raises `ServerError` with it when it fails."""
        done = subprocess.run(command, capture_output=True, text=True, check=False, **self._surroundings())
        if done.returncode:
            raise ServerError(f"{Path(command[0]).name} failed with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def _launch(self, command: list[str]) -> None:
        with self.log.open("ab") as output:
            self._log_start = output.tell()
            self._process = subprocess.Popen(
                command, stdout=output, stderr=output, start_new_session=True, **self._surroundings()
            )
        remember(self._process.pid, self.folder, self.discard_signal)

    def _surroundings(self) -> _Surroundings:
        """Return the arguments that every process of the server is started with."""
        account = self._account()
        extra: _Surroundings = {"stdin": subprocess.DEVNULL, "cwd": self.folder}
        return extra if account is None else {**extra, "user": account, "group": account, "extra_groups": []}

    def _wait_until(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + self.start_seconds
        while not done():
            if not self.running:
                raise ServerError(f"{self.name} ended before it was ready\n{self._log_tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise ServerError(f"{self.name} was not ready within {self.start_seconds:.0f} s\n{self._log_tail()}")
            time.sleep(0.05)

    def _log_since_start(self) -> str:
        with self.log.open("rb") as output:
            output.seek(self._log_start)
            return output.read().decode(errors="replace")

    def _log_tail(self, lines: int = 20) -> str:
        tail = self._log_since_start().splitlines()[-lines:]
        return "\n".join([f"the end of its log ({self.log}):", *(f"  {line}" for line in tail)])

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            end_process(self._process.pid, how, self.stop_seconds)
            self._process.wait()
            forget(self._process.pid)
            self._process = None
