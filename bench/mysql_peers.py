"""`python -m bench.mysql_peers`: read a part of a binlog as `bench.mysql_reader` does, with libraries of others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pymysqlreplication
from mysql_event_stream import CdcStream
from pymysqlreplication.row_event import DeleteRowsEvent, UpdateRowsEvent, WriteRowsEvent

from bench.mysql_reader import SERVER_ID, measure


async def mysql_replication(where: Mapping[str, Any]) -> int:
    """Read with mysql-replication, into Python values."""
    reader: Any = pymysqlreplication.BinLogStreamReader  # type: ignore[attr-defined]
    stream = reader(
        connection_settings={"host": where["host"], "port": where["port"], "user": where["user"], "ssl_disabled": True},
        server_id=SERVER_ID,
        log_file=where["file"],
        log_pos=where["begin"],
        resume_stream=True,
        blocking=False,
        only_events=[WriteRowsEvent, UpdateRowsEvent, DeleteRowsEvent],
        only_schemas=[where["database"]],
    )
    found = 0
    for event in stream:
        found += len(event.rows)
        if found >= where["rows"]:
            break
    stream.close()
    return found


async def mysql_event_stream(where: Mapping[str, Any]) -> int:
    """Read with mysql-event-stream, into its change events."""
    found = 0
    async with CdcStream(
        host=where["host"],
        port=where["port"],
        user=where["user"],
        server_id=SERVER_ID,
        start_binlog_file=where["file"],
        start_binlog_position=where["begin"],
        allow_public_key_retrieval=True,
        ssl_mode=0,
        include_databases=[where["database"]],
    ) as stream:
        async for _ in stream:
            found += 1
            if found == where["rows"]:
                break
    return found


if __name__ == "__main__":
    measure({"mysql-replication": mysql_replication, "mysql-event-stream": mysql_event_stream})
