"""The live view: one frame of it, fitted to the size of the screen."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from rich import box
from rich.align import Align
from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cdc.cli.demo.figures import Figures
from cdc.cli.demo.scene import Scene
from cdc.cli.demo.wording import OPERATIONS, show_bytes, show_difference, show_key, show_latency, sparkline
from cdc.testing.shop.schema import TABLES

COLOURS: Final = MappingProxyType({"r": "blue", "c": "green", "u": "yellow", "d": "red"})
BORDER: Final = "bright_black"
COUNTS_WIDTH: Final = 53
UPPER_HEIGHT: Final = len(TABLES) + 5
NARROW: Final = 76


def frame(scene: Scene, width: int, height: int) -> RenderableType:
    """Return the view for a screen of `width` columns and `height` lines."""
    layout = Layout()
    upper = Layout(size=max(min(UPPER_HEIGHT, height - 2), 1))
    if width >= NARROW:
        upper.split_row(
            Layout(_panel(counts(scene.stream.figures), "events read"), size=COUNTS_WIDTH),
            Layout(_panel(_present(scene, width - COUNTS_WIDTH - 4), "now")),
        )
    else:
        upper.update(_panel(counts(scene.stream.figures), "events read"))
    parts = [Layout(_header(scene), size=1), upper, Layout(_state(scene), size=1)]
    if (lines := height - UPPER_HEIGHT - 2) > 2:
        parts.insert(2, Layout(_panel(_recent(scene.stream.figures, lines - 2), "last events")))
    layout.split_column(*parts)
    return layout


def counts(figures: Figures) -> Table:
    """Return the table of events by table and operation, with sums."""
    table = Table(box=None, padding=(0, 1), header_style="", expand=True)
    table.add_column("", no_wrap=True, width=11)
    for op, name in OPERATIONS.items():
        table.add_column(Text(name, style=COLOURS[op]), justify="right", no_wrap=True)
    for name in TABLES:
        table.add_row(name, *(f"{figures.counts[name, op]:,}" for op in OPERATIONS))
    sums = [sum(figures.counts[name, op] for name in TABLES) for op in OPERATIONS]
    table.add_row("all", *(f"{count:,}" for count in sums), style="bold")
    return table


def _header(scene: Scene) -> RenderableType:
    line = Table.grid(expand=True)
    line.add_column(no_wrap=True, ratio=1)
    line.add_column(no_wrap=True, min_width=len(scene.time()))
    title = Text.assemble(("cdc-stream demo  ", "bold"), scene.products.replace(" and ", " → "), ", exactly once")
    line.add_row(title, Text(scene.time(), style="bold"))
    return line


def _state(scene: Scene) -> Text:
    warning = scene.stream.status.problem or scene.note
    return Text(scene.state(), style="bold yellow" if warning else "bright_black", no_wrap=True, overflow="ellipsis")


def _present(scene: Scene, width: int) -> RenderableType:
    figures, ledger = scene.stream.figures, scene.stream.ledger
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column(style="bright_black", no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    values = {
        "latency p50": show_latency(figures.latency(0.50)),
        "latency p99": show_latency(figures.latency(0.99)),
        "behind log": show_bytes(scene.stream.lag),
        "position": str(scene.stream.status.position or "-"),
        "committed": f"{ledger.committed:,}",
        "delivered": f"{ledger.delivered:,}",
    }
    grid.add_row("events/s", f"[bold]{figures.rate():.0f}[/]")
    for name, value in values.items():
        grid.add_row(name, value)
    return Group(grid, Align.right(Text(sparkline(figures.history(), width), style="cyan")))


def _recent(figures: Figures, lines: int) -> Table:
    table = Table.grid(expand=True, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, width=6)
    table.add_column(no_wrap=True, width=11)
    table.add_column(no_wrap=True, width=10)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for event in list(figures.recent)[: -lines - 1 : -1]:
        op = event.change.op
        table.add_row(
            Text(OPERATIONS[op], style=COLOURS[op]),
            event.change.table,
            Text(show_key(event), style="cyan"),
            Text(show_difference(event), style="bright_black" if op == "d" else ""),
        )
    return table


def _panel(content: RenderableType, title: str) -> Panel:
    return Panel(content, title=f"[{BORDER}]{title}[/]", title_align="left", border_style=BORDER, box=box.ROUNDED)
