"""Draws `demo.svg` beside this file from a real run of the demo: `python docs/images/demo.py`."""

import asyncio
import io
import sys
from pathlib import Path

from rich.console import Console

from cdc.cli.demo.command import Options, perform
from cdc.cli.demo.plain import PlainDisplay
from cdc.cli.demo.scene import Scene
from cdc.cli.demo.view import frame

SECONDS = 20.0
WIDTH, HEIGHT = 100, 26


class Picture(PlainDisplay):
    """Draws the view once, shortly before the end."""

    async def live(self, scene: Scene) -> None:
        await asyncio.sleep(SECONDS - 1)
        console = Console(
            record=True, width=WIDTH, height=HEIGHT, file=io.StringIO(), force_terminal=True, legacy_windows=False
        )
        console.print(frame(scene, WIDTH, HEIGHT))
        console.save_svg(str(Path(__file__).with_suffix(".svg")), title="cdc-stream demo")


sys.exit(perform(Options(SECONDS, 100, keep=False), Picture()))
