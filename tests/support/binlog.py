"""The events of a real server's binlog, read by PyMySQL's connection and not by ours."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pymysql

from tests.support.mysql_database import MySqlDatabase

BINLOG_DUMP = 0x12
NON_BLOCKING = 1
SERVER_ID = 4_000_000
CHECKSUM = 4
TABLE_MAP = 19
ROWS = frozenset({23, 24, 25, 30, 31, 32, 39})


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the log."""

    file: str
    position: int


def place(database: MySqlDatabase) -> Place:
    """Return where the log ends."""
    for statement in ("SHOW BINARY LOG STATUS", "SHOW MASTER STATUS"):
        try:
            ((file, position, *_),) = database.execute(statement)
        except pymysql.err.ProgrammingError:
            continue
        return Place(str(file), int(position))
    raise AssertionError("the server has no binlog")


def events(database: MySqlDatabase, begin: Place) -> Iterator[bytes]:
    """Yield the events from a place on to the end of the log, whole and without checksum."""
    with _dumping(database) as connection:
        file = begin.file.encode()
        request = struct.pack("<IHI", begin.position, NON_BLOCKING, SERVER_ID) + file
        connection._execute_command(BINLOG_DUMP, request)
        while True:
            packet = connection._read_packet()
            if packet.is_eof_packet():
                return
            yield bytes(packet._data[1:-CHECKSUM])


def row_events(database: MySqlDatabase, begin: Place) -> Iterator[bytes]:
    """Yield TABLE_MAP and row events of the database's tables from a place on to the end of the log."""
    own: set[bytes] = set()
    name = database.name.encode()
    for event in events(database, begin):
        if event[4] == TABLE_MAP:
            number = event[19:25]
            own.discard(number)
            if event[28 : 28 + event[27]] == name:
                own.add(number)
        if event[4] in ROWS | {TABLE_MAP} and event[19:25] in own:
            yield event


@contextmanager
def _dumping(database: MySqlDatabase) -> Iterator[pymysql.Connection]:  # type: ignore[type-arg]
    connection = database.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SET @master_binlog_checksum = 'CRC32', @source_binlog_checksum = 'CRC32', @mariadb_slave_capability = 4"
            )
        yield connection
    finally:
        connection.close()


def text_rows(database: MySqlDatabase, select: str, settings: dict[str, str]) -> list[bytes]:
    """Return the rows of a SELECT in the text protocol, the content of one packet each."""
    connection = database.connect()
    try:
        with connection.cursor() as cursor:
            for name, value in settings.items():
                cursor.execute(f"SET SESSION {name} = %s", (value,))
        connection._execute_command(3, select)
        columns = connection._read_packet().read_length_encoded_integer()
        for _ in range(columns + 1):
            connection._read_packet()
        rows = []
        while not (packet := connection._read_packet()).is_eof_packet():
            rows.append(bytes(packet._data))
        return rows
    finally:
        connection.close()
