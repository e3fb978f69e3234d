"""A process that writes records by the file sink until it is killed: `python -m … FILE COMMITTED NUMBER`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from cdc.sinks.file.task import FileStreamSinkTask
from cdc.testing.conformance.sink_task import ZERO, Reading, assigned


async def main(file: str, committed: Path, number: int) -> None:
    reading = Reading({"name": "killed", "file": file})
    if committed.exists():
        reading.committed[ZERO] = int(committed.read_text())
    task = FileStreamSinkTask()
    await task.start(reading)
    await assigned(task, reading, ZERO)
    while reading.position[ZERO] < number:
        for _ in range(3):
            await task.put(reading.take(ZERO, min(7, number - reading.position[ZERO])))
        allowed = await task.pre_commit(dict(reading.position))
        beside = committed.with_suffix(".new")
        beside.write_text(str(allowed[ZERO]))
        beside.rename(committed)
    await task.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
