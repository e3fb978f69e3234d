"""A worker as a process, `cdc-stream connect standalone` or `distributed`, driven over its REST API."""

from __future__ import annotations

import json
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cdc.testing.servers.process import free_port
from tests.support.connector import SCRIPT, until

JSON = "org.apache.kafka.connect.json.JsonConverter"
TEXT = "org.apache.kafka.connect.storage.StringConverter"


class Worker:
    """A worker on its own. Starts and stops as often as wanted, always at the same port; `folder` takes its properties and its output."""

    def __init__(self, folder: Path, servers: str, offsets: str, *connectors: Path, **more: str) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self.log = folder / "worker.log"
        self._file = folder / "worker.properties"
        self._connectors = connectors
        self._process: subprocess.Popen[bytes] | None = None
        properties = {
            "bootstrap.servers": servers,
            "listeners": self.url,
            "offset.storage.topic": offsets,
            "key.converter": TEXT,
            "value.converter": TEXT,
            **{name.replace("_", "."): value for name, value in more.items()},
        }
        self._file.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process that was started last."""
        assert self._process is not None, "not started"
        return self._process

    @property
    def output(self) -> str:
        """What it has printed since its first start."""
        return self.log.read_text(errors="replace")

    def start(self) -> None:
        """Start, and wait until it is ready."""
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Start, and do not wait."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def wait(self) -> None:
        """Wait until it is ready."""
        until(lambda: self.process.poll() is not None or self._answers(), f"an answer; it printed:\n{self.output}")
        assert self.process.poll() is None, self.output

    def _command(self) -> list[str]:
        return [str(SCRIPT), "connect", "standalone", str(self._file), *map(str, self._connectors)]

    def _answers(self) -> bool:
        try:
            return bool(self.call("GET", "/health")[0] == 200)
        except OSError:
            return False

    def kill(self) -> None:
        """End at once by SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self, seconds: float = 10) -> int:
        """Stop by SIGTERM and return the exit code."""
        self.process.terminate()
        return self.process.wait(seconds)

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Send a request; return status and answer, parsed. A body that is a text is sent as it is."""
        data = None if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, _parsed(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _parsed(error.read())

    def put(self, name: str, **config: str) -> None:
        """Create a connector or give it another configuration; names are written with `_` for `.`."""
        given = {key.replace("_", "."): value for key, value in config.items()}
        status, answer = self.call("PUT", f"/connectors/{quote(name, safe='')}/config", given)
        assert status in {200, 201}, answer

    def states(self, name: str) -> list[str]:
        """Return the states of a connector and its tasks."""
        found = self.call("GET", f"/connectors/{quote(name, safe='')}/status")[1]
        return [found["connector"]["state"], *(task["state"] for task in found["tasks"])]

    def trace(self, name: str) -> str:
        """Return why the first task of a connector has failed, or ""."""
        found = self.call("GET", f"/connectors/{quote(name, safe='')}/status")[1]
        return str(found["tasks"][0].get("trace", "")) if found["tasks"] else ""


class ClusterWorker(Worker):
    """One of the workers of the cluster `group`, whose topics begin with that name; `number` tells it from the others."""

    def __init__(self, folder: Path, servers: str, group: str, number: int = 0, **more: str) -> None:
        self.number = number
        own = folder / str(number)
        own.mkdir()
        topics = {f"{what}_storage_topic": f"{group}.{what}s" for what in ("config", "status")}
        super().__init__(own, servers, f"{group}.offsets", group_id=group, **topics, **more)

    def suspend(self) -> None:
        """Keep it from doing anything, by SIGSTOP."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on, by SIGCONT."""
        self.process.send_signal(signal.SIGCONT)

    def _command(self) -> list[str]:
        return [str(SCRIPT), "connect", "distributed", str(self._file)]


def _parsed(text: bytes) -> Any:
    return json.loads(text) if text else None
