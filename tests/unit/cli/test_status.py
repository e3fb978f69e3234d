"""What `cdc-stream status` shows of a worker, which is played by a server of the standard library."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from cdc.cli.app import app
from cdc.cli.status import first_sentence, overview, plain, show_status, table
from cdc.cli.worker_client import WorkerClient, WorkerUnavailable
from cdc.config.secret import Secret
from cdc.errors import ConfigError

TRACE = "the slot is gone. Make a new one, or let it begin anew.\nTraceback"


def instance(state: str, trace: str = "") -> dict[str, str]:
    return {"state": state, "worker_id": "w:8083", "version": "1", **({"trace": trace} if trace else {})}


def connector(name: str, kind: str, state: str, *tasks: dict[str, str]) -> dict[str, Any]:
    numbered = [{"id": number, **task} for number, task in enumerate(tasks)]
    return {"status": {"name": name, "connector": instance(state), "tasks": numbered, "type": kind}, "info": {}}


CONNECTORS = {
    "shop": connector("shop", "source", "RUNNING", instance("RUNNING")),
    "copy": connector("copy", "sink", "RUNNING", instance("RUNNING"), instance("FAILED", TRACE)),
    "idle": connector("idle", "sink", "STOPPED"),
}
METRICS = """\
# TYPE kafka_connect_source_task_source_record_write_total counter
kafka_connect_source_task_source_record_write_total{connector="shop",task="0"} 1234567.0
# TYPE kafka_connect_source_task_source_record_write_rate gauge
kafka_connect_source_task_source_record_write_rate{connector="shop",task="0"} 250.25
# TYPE kafka_connect_sink_task_sink_record_send_total counter
kafka_connect_sink_task_sink_record_send_total{connector="copy",task="0"} 12.0
# TYPE kafka_connect_task_error_total_record_errors gauge
kafka_connect_task_error_total_record_errors{connector="copy",task="0"} 3.0
# TYPE debezium_metrics_MilliSecondsBehindSource gauge
debezium_metrics_MilliSecondsBehindSource{plugin="postgres",name="p",context="streaming",connector="shop",task="0"} 42.4
# TYPE cdc_stream_task_waiting_seconds gauge
cdc_stream_task_waiting_seconds{connector="shop",task="0"} 0.0
cdc_stream_task_waiting_seconds{connector="copy",task="0"} 17.3
"""
HEALTH = {"status": "unhealthy", "message": "Task 1 of connector copy is FAILED."}


class FakeWorker(ThreadingHTTPServer):
    """Answers as a worker does; tests change `answers`, and read which credentials came."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.answers: dict[str, tuple[int, str]] = {
            "/health": (503, json.dumps(HEALTH)),
            "/connectors?expand=status&expand=info": (200, json.dumps(CONNECTORS)),
            "/metrics": (200, METRICS),
        }
        self.credentials: set[str | None] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answering(BaseHTTPRequestHandler):
    server: FakeWorker

    def do_GET(self) -> None:
        self.server.credentials.add(self.headers["Authorization"])
        status, text = self.server.answers.get(self.path, (404, "{}"))
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/metrics")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def serving_worker() -> Iterator[FakeWorker]:
    with FakeWorker() as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield server
        server.shutdown()
        serving.join()


@pytest.fixture
def worker() -> Iterator[FakeWorker]:
    with serving_worker() as server:
        yield server


def invoke(*arguments: str, **environment: str):
    return CliRunner().invoke(app, ["status", *arguments], env=environment, catch_exceptions=True)


def test_without_a_terminal_every_task_is_a_line(worker):
    result = invoke("--url", worker.url)
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0] == f"{worker.url} is unhealthy: Task 1 of connector copy is FAILED."
    assert [line.split() for line in lines[1:]] == [
        ["connector", "task", "type", "state", "worker", "records", "per", "s", "lag", "errors", "why"],
        ["copy", "0", "sink", "RUNNING", "(waits", "17", "s)", "w:8083", "12", "-", "-", "3"],
        ["copy", "1", "sink", "FAILED", "w:8083", "-", "-", "-", "-", "the", "slot", "is", "gone."],
        ["idle", "-", "sink", "STOPPED", "w:8083", "-", "-", "-", "-"],
        ["shop", "0", "source", "RUNNING", "w:8083", "1,234,567", "250.2", "42", "ms", "-"],
    ]
    assert len({line.index("w:8083") for line in lines[2:]}) == 1


def test_the_figures_of_a_cluster_come_from_the_workers_that_run_the_tasks(worker):
    with serving_worker() as other:
        tasks = [{"state": "RUNNING", "worker_id": each.url.removeprefix("http://")} for each in (worker, other)]
        gone = {"state": "RUNNING", "worker_id": "127.0.0.1:1"}
        found = {"shop": connector("shop", "source", "RUNNING", *tasks, gone)}
        worker.answers["/connectors?expand=status&expand=info"] = (200, json.dumps(found))
        other.answers["/metrics"] = (200, METRICS.replace('task="0"', 'task="1"').replace("1234567", "7"))
        lines = overview(WorkerClient(worker.url, Secret("t"))).tasks
    assert [line.records for line in lines] == [1234567, 7, None]
    assert other.credentials == {"Bearer t"}


def test_json_has_all_figures_as_numbers(worker):
    found = json.loads(invoke("--url", worker.url, "--json").output)
    assert (found["status"], found["worker"]) == ("unhealthy", worker.url)
    assert found["tasks"][3] == {
        "connector": "shop",
        "task": 0,
        "type": "source",
        "state": "RUNNING",
        "worker": "w:8083",
        "records": 1234567.0,
        "per_second": 250.25,
        "lag_ms": 42.4,
        "errors": None,
        "waiting_seconds": 0.0,
        "why": "",
    }


def test_a_terminal_gets_a_table_in_which_what_the_worker_says_is_no_markup(worker):
    broken = connector("[bold]", "source", "RUNNING", instance("FAILED", "no [/red] file. Make one."))
    worker.answers["/connectors?expand=status&expand=info"] = (200, json.dumps({"[bold]": broken}))
    console = Console(file=StringIO(), width=160)
    console.print(table(overview(WorkerClient(worker.url))))
    assert "[bold]" in console.file.getvalue()  # type: ignore[attr-defined]
    assert "no [/red] file." in console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        ((), {}, None),
        (("--token", "t0k"), {}, "Bearer t0k"),
        ((), {"CDC_STREAM_TOKEN": "t0k"}, "Bearer t0k"),
        (("--user", "ann:pass:word"), {}, f"Basic {base64.b64encode(b'ann:pass:word').decode()}"),
        ((), {"CDC_STREAM_USER": "ann:x"}, f"Basic {base64.b64encode(b'ann:x').decode()}"),
    ],
)
def test_credentials_come_from_options_or_the_environment(worker, arguments, environment, expected):
    assert invoke("--url", worker.url, *arguments, **environment).exit_code == 0
    assert worker.credentials == {expected}


@pytest.mark.parametrize(
    ("path", "answer", "message"),
    [
        ("/connectors?expand=status&expand=info", (401, "{}"), "demands credentials that it was not given"),
        ("/connectors?expand=status&expand=info", (200, "<html>"), "is no worker"),
        ("/connectors?expand=status&expand=info", (200, '{"a": {}}'), "its answer lacks 'status'"),
        ("/connectors?expand=status&expand=info", (200, '["a"]'), "is no worker"),
        ("/connectors?expand=status&expand=info", (500, "{}"), "answers 500 to GET /connectors"),
        ("/health", (404, "{}"), "answers 404 to GET /health"),
        ("/health", (302, ""), "answers 302 to GET /health"),
        ("/metrics", (200, 'a{"'), "its metrics cannot be read"),
    ],
)
def test_what_does_not_answer_as_a_worker_is_said_in_a_sentence(worker, path, answer, message):
    worker.answers[path] = answer
    with pytest.raises(WorkerUnavailable, match=message) as caught:
        overview(WorkerClient(worker.url, token=Secret("t0k")))
    assert caught.value.remedy
    assert "t0k" not in caught.value.sentence()


def test_a_worker_that_does_not_run_is_said_in_a_sentence(worker):
    url = worker.url
    worker.server_close()
    with pytest.raises(WorkerUnavailable, match="cannot be reached: "):
        overview(WorkerClient(url))


@pytest.mark.parametrize("url", ["ftp://a", "127.0.0.1:8083", "file:///etc/passwd", "http://"])
def test_what_is_no_address_is_a_mistake_of_the_command_line(url):
    with pytest.raises(ConfigError, match="is no address of a worker"):
        overview(WorkerClient(url))


def test_certificates_that_cannot_be_read_are_a_mistake_of_the_command_line(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        overview(WorkerClient("https://127.0.0.1:1", ca=tmp_path / "none.pem"))


@pytest.mark.parametrize(
    ("trace", "sentence"),
    [("", ""), ("one\ntwo", "one"), ("It is 1.5 m. Go on.", "It is 1.5 m."), ("Only this.", "Only this.")],
)
def test_of_a_trace_the_first_sentence_is_shown(trace, sentence):
    assert first_sentence(trace) == sentence


def test_a_table_is_shown_anew_and_says_when_the_worker_is_gone(worker, monkeypatch, capsys):
    """Watch until the second round: then the worker answers no more, and somebody presses Ctrl-C."""
    rounds = []

    def sleep(seconds):
        rounds.append(seconds)
        if len(rounds) == 1:
            worker.answers["/health"] = (500, "{}")
        else:
            raise KeyboardInterrupt

    monkeypatch.setattr("cdc.cli.status.time.sleep", sleep)
    show_status(WorkerClient(worker.url), watch=True, as_json=False, interval=7)
    assert rounds == [7, 7]
    assert "answers 500 to GET /health" in capsys.readouterr().out


def test_an_empty_worker_has_headings_alone(worker):
    worker.answers["/connectors?expand=status&expand=info"] = (200, "{}")
    assert len(plain(overview(WorkerClient(worker.url))).splitlines()) == 2
