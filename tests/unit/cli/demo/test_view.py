"""The live view fits the screen, whatever its size, and says what is the matter."""

from __future__ import annotations

import io
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.cells import cell_len
from rich.console import Console

from cdc.cli.demo.figures import Figures
from cdc.cli.demo.scene import Scene
from cdc.cli.demo.view import frame
from cdc.pipeline.status import PipelineStatus
from cdc.testing.shop.events import Event
from cdc.testing.shop.ledger import Change, Ledger

BEFORE = {
    "id": "6ac7e1a0-1111-2222-3333-444444444444",
    "status": "paid",
    "note": "a very long note " * 20,
    "version": 1,
}


@pytest.fixture
def scene():
    figures, now_us = Figures(), time.time_ns() // 1000
    for number in range(200):
        change = Change(
            "order_lines", ("6ac7e1a0-1111-2222-3333-444444444444", number), "u" if number % 2 else "r", number
        )
        figures.add(Event(change, BEFORE, {**BEFORE, "status": f"[bold]{number}", "note": "other " * 30}, now_us))
    figures.counts["order_lines", "r"] = 15_000
    stream = SimpleNamespace(figures=figures, ledger=Ledger(), lag=123_456, status=PipelineStatus())
    return Scene(cast("Any", stream), "PostgreSQL 18.6 and Kafka 4.3.1", 20)


def draw(scene, width, height):
    console = Console(
        width=width, height=height, file=io.StringIO(), force_terminal=True, color_system=None, legacy_windows=False
    )
    with console.capture() as captured:
        console.print(frame(scene, width, height), end="")
    return captured.get().splitlines()


@pytest.mark.parametrize("width", [20, 40, 60, 75, 76, 80, 100, 120, 300])
@pytest.mark.parametrize("height", [3, 6, 12, 16, 24, 40, 100])
def test_the_view_fits_the_screen(scene, width, height):
    lines = draw(scene, width, height)
    assert len(lines) == height
    assert max(map(cell_len, lines)) <= width


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
def test_everything_is_on_a_usual_screen(scene, width, height):
    text = "\n".join(draw(scene, width, height))
    for word in (
        "order_lines",
        "snapshot",
        "15,000",
        "latency p99",
        "123 kB",
        "0:00 of 0:20",
        "status paid → [bold]199",
    ):
        assert word in text


def test_the_clock_and_the_state_stay_on_a_small_screen(scene):
    lines = draw(scene, 50, 8)
    assert lines[0].rstrip().endswith("0:00 of 0:20")
    assert lines[-1].startswith("Ctrl-C")


def test_a_problem_stands_in_the_last_line(scene):
    scene.note = "a value became null"
    assert draw(scene, 80, 24)[-1].startswith("a value became null")
    scene.stream.status.problem = "Kafka cannot be reached"
    assert draw(scene, 80, 24)[-1].startswith("waiting: Kafka cannot be reached")
