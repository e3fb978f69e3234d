"""The connector is killed again and again while it works, and started again each time."""

from __future__ import annotations

import random
import re
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support.connector import Script, SlotView, properties, until
from tests.support.database import Database
from tests.support.load import CAPTURED, mark_end, prepare, writing
from tests.support.proof import faults

#: Rows before the start: enough for a kill to come inside the snapshot.
ROWS = 200_000

#: What is printed when the snapshot begins, and when streaming does.
SNAPSHOT = "snapshot (?:is that )?of"
STREAMING = "streaming from"
SNAPSHOT_SECONDS = 0.7
STREAM_SECONDS = 3.0


@dataclass(slots=True)
class Kills:
    """How many kills came in which part of the connector's life."""

    starting: int = 0
    in_snapshot: int = 0
    streaming: int = 0

    def note(self, output: str) -> None:
        """Tell from what was printed where the kill came."""
        if STREAMING in output:
            self.streaming += 1
        elif re.search(SNAPSHOT, output):
            self.in_snapshot += 1
        else:
            self.starting += 1


def assert_exactly_once_over_kills(
    times: int, database: Database, servers: str, prefix: str, folder: Path, *, seed: int = 1, **more: str
) -> None:
    """Kill the connector so many times under a load; then every change must be in Kafka once, in order for its key.

    `more` are properties, with `_` for `.`.
    """
    prepare(database, rows=ROWS)
    script = Script(folder, properties(database, servers, prefix, table_include_list=CAPTURED, **more))
    try:
        with writing(database, rows=ROWS, seed=seed) as load:
            kills = kill_repeatedly(script, times, seed=seed)
            script.start()
        drain(script, database, prefix)
        script.stop()
    finally:
        script.kill()
    print(f"{kills}, {load.committed} transactions committed")
    assert kills.in_snapshot
    assert kills.streaming
    found = faults(database, servers, prefix, rows=ROWS)
    assert not found, "\n".join(found)


def kill_repeatedly(script: Script, times: int, *, seed: int, snapshot_seconds: float = SNAPSHOT_SECONDS) -> Kills:
    """Start and kill the connector so many times: at first in its snapshot, then whenever, and each third time, once at least, while it streams.

    `snapshot_seconds` is how long after the beginning of a snapshot the kill may come.
    """
    kills, moments = Kills(), random.Random(seed)
    for number in range(times):
        script.start()
        if number < max(times // 3, 1):
            script.wait_for(f"{SNAPSHOT}|{STREAMING}")  # a quick machine may have got through the snapshot
            time.sleep(moments.uniform(0, snapshot_seconds))
        elif not kills.streaming or number % 3 == 0:
            script.wait_for(STREAMING)
            time.sleep(moments.uniform(0, STREAM_SECONDS))
        else:
            time.sleep(moments.uniform(0.2, STREAM_SECONDS))
        assert script.running, f"it ended by itself:\n{script.output}"
        script.kill()
        kills.note(script.output)
    return kills


def drain(script: Script, database: Database, slot: str, seconds: float = 60) -> None:
    """Wait until everything that has been committed is in Kafka and acknowledged; the writers must have ended."""
    end, view = mark_end(database), SlotView(database, slot)

    def drained() -> bool:
        assert script.running, f"it ended by itself:\n{script.output}"
        return view.confirmed() > end

    until(drained, "draining", seconds)
