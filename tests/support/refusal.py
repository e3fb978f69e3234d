"""A run of the console script that must end by itself, as what a person typed cannot work."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

from tests.support.connector import Script

#: How long a person waits at most, on a busy machine.
SECONDS = 12


class Refusal(NamedTuple):
    """How a run ended: exit code, the one line of error, and everything that was printed."""

    code: int
    line: str
    output: str


def refusal(folder: Path, config: dict[str, str]) -> Refusal:
    script = Script(folder, config)
    began = time.monotonic()
    code = script.run_to_end()
    assert time.monotonic() - began < SECONDS, script.output
    assert "Traceback" not in script.output
    lines = [line for line in script.output.splitlines() if "ERROR" in line or line.startswith("cdc-stream: ")]
    assert len(lines) == 1, script.output
    return Refusal(code, lines[0], script.output)
