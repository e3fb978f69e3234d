"""How much log a slot makes the server keep while another database is busy."""

from __future__ import annotations

import time
from contextlib import closing

import psycopg

from tests.support.database import Database, TupleRow

RETAINED = "select (pg_current_wal_lsn() - confirmed_flush_lsn)::bigint from pg_replication_slots where slot_name = %s"
#: Two segments of the log, in bytes.
TWO_SEGMENTS = 2 * 16_777_216
WRITTEN = "select (pg_current_wal_lsn() - '0/0')::bigint"
NOISE = "insert into noise (filler) select repeat('x', 500) from generate_series(1, 400)"


def write_beside(busy: Database, slot: str, seconds: float) -> tuple[int, int, int]:
    """Write for so long; return how much log was written, and how little and how much of it the slot kept in the second half."""
    busy.execute("create table noise (id bigint generated always as identity, filler text)")
    kept = []
    with closing(busy.connect()) as connection:
        start, began = _number(connection, WRITTEN), time.monotonic()
        while time.monotonic() < began + seconds:
            connection.execute(NOISE)
            if time.monotonic() > began + seconds / 2:
                kept.append(_number(connection, RETAINED, slot))
            time.sleep(0.1)
        return _number(connection, WRITTEN) - start, min(kept), max(kept)


def _number(connection: psycopg.Connection[TupleRow], query: str, *parameters: str) -> int:
    ((number,),) = connection.execute(query.encode(), parameters or None).fetchall()
    return int(number)
