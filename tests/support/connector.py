"""A connector at work: as the console script in a process of its own, or as a pipeline in a thread of this one."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Protocol

from cdc.config.connector import ConnectorConfig
from cdc.errors import CdcError
from cdc.pipeline.assembly import build_pipeline
from tests.support.database import Database

SCRIPT = Path(sys.executable).with_name("cdc-stream")
PAUSE = 0.02


def properties(database: Database, servers: str, prefix: str, **more: str) -> dict[str, str]:
    """Return a connector's configuration; `more` names properties with `_` for `.`, and overrides."""
    return {
        "name": prefix,
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "bootstrap.servers": servers,
        # That of all connectors grows with every test, and each start reads it to its end.
        "offset.storage.topic": f"offsets-{prefix}",
        "offset.storage.partitions": "1",
        "database.hostname": database.host,
        "database.port": str(database.port),
        "database.user": database.user,
        "database.dbname": database.name,
        "topic.prefix": prefix,
        "slot.name": prefix.lower(),
        "key.converter.schemas.enable": "false",
        "value.converter.schemas.enable": "false",
        "extended.headers.enabled": "false",
        **{name.replace("_", "."): value for name, value in more.items()},
    }


def until(happened: Callable[[], object], what: str, seconds: float = 30) -> None:
    """Wait until the call returns something true; raises `TimeoutError` that says what did not happen."""
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(PAUSE)


class Connector(Protocol):
    """Starts and stops as often as wanted; every start is a new instance with the same configuration."""

    def start(self) -> None:
        """Start, and return at once."""

    def stop(self) -> None:
        """Stop in good order, and wait for it."""

    @property
    def failure(self) -> str:
        """Why it ended by itself, or "" while it runs and when it was stopped."""


class Script:
    """`cdc-stream run` as a process, its output in a file; `folder` takes configuration and output."""

    def __init__(self, folder: Path, config: Mapping[str, str]) -> None:
        self._file = folder / f"{config['name']}.json"
        self._file.write_text(json.dumps(dict(config)))
        self._log = folder / f"{config['name']}.log"
        self._begin = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process that was started last."""
        assert self._process is not None, "not started"
        return self._process

    @property
    def output(self) -> str:
        """What it has printed since its last start, on stdout and stderr."""
        return self._log.read_bytes()[self._begin :].decode(errors="replace")

    @property
    def everything(self) -> str:
        """What it has printed since its first start."""
        return self._log.read_text(errors="replace")

    @property
    def failure(self) -> str:
        """Its output, if it ended by itself with a code other than 0."""
        return self.output if self._process is not None and self._process.poll() else ""

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start, and return at once."""
        with self._log.open("ab") as output:
            self._begin = output.tell()
            command = [str(SCRIPT), "run", str(self._file)]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def stop(self) -> None:
        """Stop by SIGTERM and wait; raises `subprocess.TimeoutExpired` when that takes over 10 s."""
        if self.running:
            self.terminate(10)

    def terminate(self, seconds: float, how: signal.Signals = signal.SIGTERM) -> int:
        """Send SIGTERM or another signal; return the exit code, or raise `subprocess.TimeoutExpired`."""
        self.process.send_signal(how)
        return self.process.wait(seconds)

    def kill(self) -> None:
        """End at once by SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def run_to_end(self, seconds: float = 30) -> int:
        """Start, wait until it ends by itself, and return the exit code."""
        self.start()
        try:
            return self.process.wait(seconds)
        finally:
            self.kill()

    def wait_for(self, pattern: str, seconds: float = 30) -> None:
        """Wait until the output since the last start matches; raises `AssertionError` if the process ends before."""

        def printed() -> bool:
            found = re.search(pattern, self.output) is not None
            assert found or self.running, f"it ended before it printed {pattern!r}:\n{self.output}"
            return found

        try:
            until(printed, f"printing {pattern!r}", seconds)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; what it printed:\n{self.output}") from None

    def resident(self) -> int:
        """Return the largest resident memory so far, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None, "the process has ended"
        return int(found[1]) * 1024


class InThread:
    """The pipeline of a configuration on an event loop in a thread of its own: quicker than a process."""

    def __init__(self, config: Mapping[str, str]) -> None:
        self._config = dict(config)
        self._failure: CdcError | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._started = threading.Event()

    @property
    def failure(self) -> str:
        """The sentence of the error that ended it, or ""."""
        return self._failure.sentence() if self._failure is not None else ""

    def start(self) -> None:
        """Start, and return at once."""
        self._failure = None
        self._started.clear()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        self._started.wait()

    async def _run(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._started.set()
        try:
            await build_pipeline(ConnectorConfig.from_raw(self._config)).run()
        except CdcError as error:
            self._failure = error
        except asyncio.CancelledError:
            pass

    def stop(self) -> None:
        """Cancel the pipeline and wait until it has ended."""
        assert self._thread is not None, "not started"
        if self._thread.is_alive() and self._loop is not None and self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join()


class SlotView:
    """What the server tells of a connector's slot."""

    def __init__(self, database: Database, slot: str) -> None:
        self._database = database
        self._slot = slot

    def wait_until_streaming(self, connector: Connector, seconds: float = 60) -> None:
        """Wait until the server has sent all that it has, or the connector has failed."""
        query = """select true from pg_replication_slots s join pg_stat_replication r on r.pid = s.active_pid
                   where s.slot_name = %s and r.state = 'streaming'"""
        with closing(self._database.connect()) as connection:
            until(
                lambda: connector.failure or connection.execute(query, (self._slot,)).fetchone(), "streaming", seconds
            )

    def wait_until_sent(self, connector: Connector, seconds: float = 60) -> None:
        """Wait until the server has sent everything that is committed now, or the connector has failed."""
        query = """select true from pg_replication_slots s join pg_stat_replication r on r.pid = s.active_pid
                   where s.slot_name = %s and r.sent_lsn >= %s::pg_lsn"""
        with closing(self._database.connect()) as connection:
            (end,) = connection.execute("select pg_current_wal_flush_lsn()::text").fetchone() or ("0/0",)
            until(
                lambda: connector.failure or connection.execute(query, (self._slot, end)).fetchone(), "sending", seconds
            )

    def confirmed(self) -> int:
        """Return up to where changes were acknowledged."""
        query = "select (confirmed_flush_lsn - '0/0')::bigint from pg_replication_slots where slot_name = %s"
        return int(self._database.execute(query, self._slot)[0][0])
