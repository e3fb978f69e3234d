"""The JSON documents of a table as MySQL keeps them: read from the binary log by the layout that the manual gives, beside SELECT's text.

For one table only, `docs (id int primary key, j json)`. Sources: the MySQL internals manual, "Rows_event" and "Partial_update_rows_event".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

COM_BINLOG_DUMP = 0x12
NON_BLOCKING = 1
CHECKSUM = 4
TABLE_MAP, WRITE_ROWS, PARTIAL_UPDATE_ROWS = 19, 30, 39


@dataclass(frozen=True, slots=True)
class Update:
    """What a PARTIAL_UPDATE_ROWS event has of the column: the old document, and the diffs or (`whole`) the new document."""

    row: int
    before: bytes
    after: bytes
    whole: bool


class Documents:
    """The table `docs` of a database, and what is written to it from now on."""

    def __init__(self, database: Any) -> None:
        self.database = database
        self.connection = database.connect()
        self.execute("create table docs (id int primary key, j json)")
        self.file, self.position = self.execute("show binary log status")[0][:2]

    def close(self) -> None:
        self.connection.close()

    def execute(self, statement: str, *parameters: Any) -> list[Any]:
        with self.connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return list(cursor.fetchall())

    def inserted(self) -> list[bytes]:
        """Return the documents inserted since the last call, in order, in the binary form."""
        return [_image(body, _rows_at(body, 1), rest=True)[0] for kind, body in self._events() if kind == WRITE_ROWS]

    def updated(self) -> list[Update]:
        """Return the partial updates since the last call, in order."""
        return [_update(body) for kind, body in self._events() if kind == PARTIAL_UPDATE_ROWS]

    def _events(self) -> Iterator[tuple[int, bytes]]:
        wanted = None
        for kind, body in self._packets():
            if kind == TABLE_MAP:
                name = body[9 : 9 + body[8]].decode()
                wanted = body[:6] if name == self.database.name else None
            elif kind in {WRITE_ROWS, PARTIAL_UPDATE_ROWS} and body[:6] == wanted:
                yield kind, body

    def _packets(self) -> Iterator[tuple[int, bytes]]:
        """Yield the events from where the last call ended to the log's end: type and body."""
        with closing(self.database.connect()) as connection:
            connection.query("set @source_binlog_checksum = 'CRC32'")
            where = struct.pack("<IHI", self.position, NON_BLOCKING, 0) + self.file.encode()
            connection._execute_command(COM_BINLOG_DUMP, where)
            while not (packet := connection._read_packet()).is_eof_packet():
                data = packet.get_all_data()[1:]
                end = int.from_bytes(data[13:17], "little")
                self.position = end or self.position
                yield data[4], data[19:-CHECKSUM]


def _rows_at(body: bytes, images: int) -> int:
    """Return where the rows begin: behind the header, the number of columns and the bitmaps of columns of each image."""
    return 8 + int.from_bytes(body[8:10], "little") + 1 + images


def _image(body: bytes, at: int, *, rest: bool = False) -> tuple[bytes, int]:
    """Return the document of a row image with no null, and where the image ends."""
    assert body[at] == 0, "null"
    size = int.from_bytes(body[at + 5 : at + 9], "little")
    end = at + 9 + size
    assert not rest or end == len(body), "one row to an event, please"
    return body[at + 9 : end], end


def _update(body: bytes) -> Update:
    start = _rows_at(body, 2)
    before, at = _image(body, start)
    partial = body[at] and body[at + 1]
    after, _ = _image(body, at + (2 if body[at] else 1), rest=True)
    return Update(int.from_bytes(body[start + 1 : start + 5], "little"), before, after, whole=not partial)
