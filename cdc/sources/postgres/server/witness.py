"""Whether the server's log still has a commit that was read from it: the proof that it is the same log.

A server that was restored from a copy goes on with the same identifier, on the same timeline, past the same places. What stands there is not the
same. The time in a commit's record tells, to the microsecond; it is read from the log itself, by physical replication, which the right to
replicate allows. Layout of the log: PostgreSQL's access/xlog_internal.h and access/xact.h.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from typing import Final

from psycopg import pq

from cdc.config.settings import PostgresSettings
from cdc.errors import CdcError
from cdc.model.position import format_lsn
from cdc.sources.postgres.protocol.connection import Connection, connect
from cdc.sources.postgres.protocol.copy_stream import CopyStream
from cdc.sources.postgres.wal.position import Witness

log = logging.getLogger(__name__)

PAGE: Final = 8192
PAGE_HEADER: Final = 24
# The first page of a segment says so in its flags.
LONG_PAGE_HEADER: Final = 40
LONG_HEADER_FLAG: Final = 2
#: Within how many bytes the time stands, from the beginning of the record on: its header, and the length of what follows.
REACH: Final = 128
PATIENCE: Final = 30.0
POSTGRES_EPOCH_US: Final = 946_684_800_000_000
# A message of the stream: this byte, two places and a time, and then bytes of the log.
XLOG_DATA: Final = ord("w")
XLOG_DATA_HEADER: Final = 25


async def is_in_log(witness: Witness, flushed: int, beside: Connection, settings: PostgresSettings) -> bool | None:
    """Tell whether the server's log, which ends at `flushed`, has this commit; None where the server cannot show that part of its log."""
    if witness.lsn >= flushed:
        return False
    page = witness.lsn // PAGE * PAGE
    try:
        async with asyncio.timeout(PATIENCE):
            data = await _read_log(page, min(witness.lsn + REACH, flushed), beside, settings)
    except (CdcError, TimeoutError) as error:
        log.debug("the log at %s cannot be read: %s", format_lsn(witness.lsn), error)
        return None
    record = without_headers(data)[witness.lsn - page - _header(data, 0) :]
    moment = witness.commit_us - POSTGRES_EPOCH_US
    return struct.pack("<q", moment) in record or struct.pack(">q", moment) in record


async def _read_log(start: int, end: int, beside: Connection, settings: PostgresSettings) -> bytes:
    """Return the bytes of the log between two places; it may be some more."""
    data = bytearray()
    connection = await connect(settings, replication=True, beside=beside)
    try:
        stream = CopyStream(connection, settings)
        await stream.begin(f"START_REPLICATION PHYSICAL {format_lsn(start)}", pq.ExecStatus.COPY_BOTH)
        while len(data) < end - start and (messages := await stream.read()):
            for message in messages:
                if message[0] == XLOG_DATA:
                    data += message[XLOG_DATA_HEADER:]
    finally:
        await connection.close()
    return bytes(data)


def without_headers(data: bytes) -> bytes:
    """Return the content of pages, as a record goes on behind the header of the next page."""
    return b"".join(data[at + _header(data, at) : at + PAGE] for at in range(0, len(data), PAGE))


def _header(data: bytes, page: int) -> int:
    """Return the length of a page's header; its flags are the second number of 16 bits, in the server's byte order."""
    is_long = any(byte & LONG_HEADER_FLAG for byte in data[page + 2 : page + 4])
    return LONG_PAGE_HEADER if is_long else PAGE_HEADER
