"""`cdc-stream status`: what the connectors and tasks of a worker do, once or as a live table."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cdc.cli.worker_client import WorkerClient, WorkerUnavailable
from cdc.errors import CdcError

#: Where the number of records and their rate are found, by the type of the connector.
_RECORDS: Final = {
    "source": "kafka_connect_source_task_source_record_write",
    "sink": "kafka_connect_sink_task_sink_record_send",
}
_COLOURS: Final = {"RUNNING": "green", "FAILED": "red", "PAUSED": "yellow"}
_HEADINGS: Final = ("connector", "task", "type", "state", "worker", "records", "per s", "lag", "errors", "why")
_RIGHT: Final = frozenset({"task", "records", "per s", "lag", "errors"})


@dataclass(frozen=True, slots=True)
class TaskLine:
    """A task as it is shown, or a connector without any (`task` is None); figures are None where its worker gives none."""

    connector: str
    task: int | None
    type: str
    state: str
    worker: str
    records: float | None = None
    per_second: float | None = None
    lag_ms: float | None = None
    errors: float | None = None
    waiting_seconds: float | None = None
    why: str = ""

    def cells(self) -> tuple[str, ...]:
        """Return the texts under the headings."""
        waits = f" (waits {self.waiting_seconds:.0f} s)" if self.waiting_seconds else ""
        return (
            self.connector,
            "-" if self.task is None else str(self.task),
            self.type,
            self.state + waits,
            self.worker,
            _shown(self.records, ",.0f"),
            _shown(self.per_second, ",.1f"),
            _shown_lag(self.lag_ms),
            _shown(self.errors, ",.0f"),
            self.why,
        )


@dataclass(frozen=True, slots=True)
class Overview:
    """What a worker says: its own health, and its connectors with their tasks."""

    worker: str
    status: str
    message: str
    tasks: Sequence[TaskLine]


class _Figures:
    """The metrics of workers, by name, connector and task."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str, str], float] = {}

    def add(self, text: str) -> None:
        """Take in what a worker says; raises ValueError for what cannot be read."""
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels = sample.labels
                if labels.get("context", "streaming") == "streaming":
                    self._values[sample.name, labels.get("connector", ""), labels.get("task", "")] = sample.value

    def of(self, connector: str, task: int) -> Callable[[str], float | None]:
        """Return what looks up a figure of a task."""
        return lambda name: self._values.get((name, connector, str(task)))


def overview(client: WorkerClient) -> Overview:
    """Ask a worker; raises WorkerUnavailable."""
    health = client.json("/health", 503)
    found = client.json("/connectors?expand=status&expand=info")
    figures = _Figures()
    _ask(client, figures)
    try:
        for other in _others(client, found):
            with suppress(WorkerUnavailable):  # the table shows its tasks without figures
                _ask(other, figures)
        lines = [line for name in sorted(found) for line in _lines(found[name], figures)]
        return Overview(client.url, health["status"], health["message"], lines)
    except (KeyError, TypeError, AttributeError) as error:
        raise WorkerUnavailable(
            f"what answers at {client.url} is no worker: its answer lacks {error}",
            "Name the address of a worker by --url.",
        ) from error


def _others(client: WorkerClient, found: Mapping[str, Any]) -> list[WorkerClient]:
    """Return the other workers of its cluster that run tasks; they take the same credentials, as requests are passed on with them."""
    asked = urlsplit(client.url)
    workers = {task["worker_id"] for each in found.values() for task in each["status"]["tasks"]}
    return [replace(client, url=f"{asked.scheme}://{worker}") for worker in sorted(workers - {asked.netloc})]


def _ask(client: WorkerClient, figures: _Figures) -> None:
    try:
        figures.add(client.text("/metrics"))
    except ValueError as error:
        raise WorkerUnavailable(
            f"the worker at {client.url} answers, but its metrics cannot be read: {error}",
            "Use the cdc-stream of the worker's version.",
        ) from error


def _lines(found: Mapping[str, Any], figures: _Figures) -> Iterator[TaskLine]:
    status = found["status"]
    connector = status["connector"]
    if not status["tasks"] or connector["state"] == "FAILED":
        yield _line(status, None, connector, lambda _: None)
    for task in status["tasks"]:
        yield _line(status, task["id"], task, figures.of(status["name"], task["id"]))


def _line(
    status: Mapping[str, Any], task: int | None, instance: Mapping[str, str], figure: Callable[[str], float | None]
) -> TaskLine:
    records = _RECORDS.get(status["type"], "")
    return TaskLine(
        connector=status["name"],
        task=task,
        type=status["type"],
        state=instance["state"],
        worker=instance["worker_id"],
        records=figure(f"{records}_total"),
        per_second=figure(f"{records}_rate"),
        lag_ms=figure("debezium_metrics_MilliSecondsBehindSource"),
        errors=figure("kafka_connect_task_error_total_record_errors"),
        waiting_seconds=figure("cdc_stream_task_waiting_seconds"),
        why=first_sentence(instance.get("trace", "")),
    )


def first_sentence(trace: str) -> str:
    """Return the beginning of a trace that says what happened: its first line, up to the end of the first sentence."""
    line = trace.partition("\n")[0]
    end = line.find(". ")
    return line if end < 0 else line[: end + 1]


def _shown(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _shown_lag(milliseconds: float | None) -> str:
    if milliseconds is None:
        return "-"
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def plain(found: Overview) -> str:
    """Return an overview as lines of text, aligned."""
    rows = [_HEADINGS, *(line.cells() for line in found.tasks)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_HEADINGS))]
    lines = [_aligned(row, widths) for row in rows]
    return "\n".join([f"{found.worker} is {found.status}: {found.message}", *lines])


def _aligned(row: Sequence[str], widths: Iterable[int]) -> str:
    cells = [
        text.rjust(width) if name in _RIGHT else text.ljust(width)
        for name, text, width in zip(_HEADINGS, row, widths, strict=True)
    ]
    return "  ".join(cells).rstrip()


def table(found: Overview) -> RenderableType:
    """Return an overview as it is drawn on a terminal."""
    drawn = Table(box=None, padding=(0, 1), header_style="bold")
    for name in _HEADINGS:
        drawn.add_column(name, justify="right" if name in _RIGHT else "left", no_wrap=name != "why")
    for line in found.tasks:
        cells = [Text(text) for text in line.cells()]
        cells[3].stylize(_COLOURS.get(line.state, "") if not line.waiting_seconds else "yellow")
        drawn.add_row(*cells)
    colour = "green" if found.status == "healthy" else "red"
    return Group(Text.assemble(f"{found.worker} is ", (found.status, colour), f": {found.message}"), drawn)


def show_status(client: WorkerClient, *, watch: bool | None, as_json: bool, interval: float) -> None:
    """Show a worker's overview once, or again and again until Ctrl-C: on a terminal, if `watch` does not say otherwise.

    Raises:
        WorkerUnavailable: the worker does not answer at first; later, what is shown says so.
    """
    found = overview(client)
    if as_json:
        sys.stdout.write(json.dumps(asdict(found)) + "\n")
    elif watch or (watch is None and sys.stdout.isatty()):
        _watch(client, found, interval)
    else:
        sys.stdout.write(plain(found) + "\n")


def _watch(client: WorkerClient, found: Overview, interval: float) -> None:
    try:
        with Live(table(found), console=Console(), auto_refresh=False) as live:
            while True:
                time.sleep(interval)
                live.update(_next(client), refresh=True)
    except KeyboardInterrupt:
        return


def _next(client: WorkerClient) -> RenderableType:
    try:
        return table(overview(client))
    except CdcError as error:
        return Text(error.sentence(), style="red")
