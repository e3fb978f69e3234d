"""`python -m bench.mysql_reader`: read a part of a binlog in one way, throw it away, and print what that took as JSON.

The clock and the counter of CPU begin when the modules are loaded, before the connection is made.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from cdc.config.filters import NameFilter, TableFilter
from cdc.config.mysql_settings import SYSTEM, MySqlSettings, TlsMode
from cdc.model.batch import ChangeBatch
from cdc.sources.mysql.binlog.place import FilePosition
from cdc.sources.mysql.binlog.table_map import parse_table_map, table_of
from cdc.sources.mysql.protocol.dump import BinlogStream, DumpSettings
from cdc.sources.mysql.protocol.endpoint import Endpoint, Tls
from cdc.sources.mysql.schema.row_metadata import definition_of
from cdc.sources.mysql.schema.table_schema import TablePlans
from cdc.sources.mysql.stream.binlog_decoder import BinlogDecoder
from cdc.sources.mysql.stream.rows import BoundTable

BATCH_ROWS = 5_000
BATCH_BYTES = 4_000_000
SERVER_ID = 900_000
#: Reads the part of a log that is described, and returns how many rows it has found.
Reader = Callable[[Mapping[str, Any]], Awaitable[int]]


async def raw(where: Mapping[str, Any]) -> int:
    """Read events as they come; of rows it knows nothing."""
    endpoint, end = _endpoint(where), FilePosition(where["file"], where["end"])
    async with await BinlogStream.open(endpoint, DumpSettings(SERVER_ID)) as stream:
        await stream.start(FilePosition(where["file"], where["begin"]))
        while (stream.file, stream.position) < end:
            await stream.read()
    return int(where["rows"])


async def decode(where: Mapping[str, Any]) -> int:
    """Decode to the cells of batches, with the definitions that the log itself tells."""
    endpoint, end = _endpoint(where), FilePosition(where["file"], where["end"])
    settings = MySqlSettings(
        hostname=where["host"],
        user=where["user"],
        server_id=SERVER_ID,
        topic_prefix="bench",
        tables=TableFilter(NameFilter.parse(where["database"], "", "database"), NameFilter(), SYSTEM),
    )
    plans, decoder = TablePlans(settings), BinlogDecoder(where["file"], where["begin"])
    batch, found = ChangeBatch(), 0
    async with await BinlogStream.open(endpoint, DumpSettings(SERVER_ID)) as stream:
        await stream.start(FilePosition(where["file"], where["begin"]))
        while (stream.file, stream.position) < end:
            file, base, events = await stream.read()
            taken = 0
            while taken < len(events):
                taken = decoder.feed(file, base, events, taken, batch, BATCH_ROWS, BATCH_BYTES)
                if decoder.unresolved is not None:
                    decoder.bind(_bound(decoder.unresolved, plans, where["database"]))
                elif decoder.statement is not None:
                    decoder.end_statement(batch)
                elif taken < len(events):
                    decoder.cut()
                    found += _changes(batch)
                    batch = ChangeBatch()
    return found + _changes(batch)


def _bound(event: bytes, plans: TablePlans, database: str) -> BoundTable | None:
    if table_of(event).schema != database:
        return None
    images = parse_table_map(event)
    definition = definition_of(images)
    assert definition is not None
    return BoundTable(images, plans.streamed(definition, images))


def _changes(batch: ChangeBatch) -> int:
    """Return how many rows there are but for tombstones."""
    return sum(count for op, count in batch.operations().items() if op)


def _endpoint(where: Mapping[str, Any]) -> Endpoint:
    return Endpoint(host=where["host"], port=where["port"], user=where["user"], tls=Tls(TlsMode.DISABLED))


async def _measured(reader: Reader, where: Mapping[str, Any]) -> dict[str, float]:
    begun, cpu = time.monotonic(), time.process_time()
    rows = await reader(where)
    seconds, spent = time.monotonic() - begun, time.process_time() - cpu
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return {"rows": rows, "seconds": seconds, "cpu": spent, "memory": int(peak.split()[1]) * 1024}


def measure(readers: Mapping[str, Reader]) -> None:
    """Read with the reader that the command line names; where the part is stands behind it, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reader", choices=readers)
    parser.add_argument("where", type=json.loads)
    arguments = parser.parse_args()
    print(json.dumps(asyncio.run(_measured(readers[arguments.reader], arguments.where))))


if __name__ == "__main__":
    measure({"raw": raw, "decode": decode})
