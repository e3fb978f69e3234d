"""When others can see the transactions that the binlog has: a server sends a transaction before its engine has committed it.

On MySQL a transaction is in `gtid_executed` once it is committed in the engine (`MYSQL_BIN_LOG::process_commit_stage_queue`). MariaDB counts in
`gtid_binlog_pos` what is only written, and `MASTER_GTID_WAIT` waits for replicated transactions alone; but a consistent snapshot of it tells to
which place of the log it sees all transactions (`binlog_snapshot_position`). XA COMMIT may be logged first, and be done in the engine outside
of that order, so XA RECOVER must not name its transaction any more.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from cdc.errors import SourceRefused
from cdc.sources.columns.reselection import Written, until_visible
from cdc.sources.mysql.binlog.place import FilePosition
from cdc.sources.mysql.protocol.connection import Connection, literal
from cdc.sources.mysql.schema.source_info import SOURCE_VARIABLES
from cdc.sources.mysql.snapshot.prepared_before import prepared_now
from cdc.sources.mysql.snapshot.view import open_view, place_of_view

#: The places among the source cells of what `Visibility` is told of a transaction.
TOLD_BY: Final = tuple(SOURCE_VARIABLES.index(name) for name in ("gtid", "file", "pos"))

_WAITS: Final = "It may wait for a semi-synchronous replica"


class Visibility:
    """Waits on a connection, one caller at a time. `ended` are the distributed transactions that have committed among those that are told of."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._visible: Written = set()
        self.ended: Collection[str] = ()

    async def wait(self, written: Written) -> None:
        """Return when each statement from now on sees the transactions, each told of by `TOLD_BY`.

        Raises:
            SourceRefused: nothing tells when they can be seen.
            SourceUnavailable: the connection broke.
        """
        if written == self._visible:
            return
        if self._connection.mariadb:
            last = max(_place(str(file), pos) for _, file, pos in written if isinstance(pos, int))
            await until_visible(lambda: self._sees_place(last), _WAITS)
        else:
            await self._await_gtids({gtid for gtid, *_ in written})
        if self.ended:
            await until_visible(self._ended_are_done, _WAITS)
        self._visible = written

    async def _await_gtids(self, gtids: set[object]) -> None:
        if None in gtids:
            raise SourceRefused(
                f"{self._connection.server}: a transaction has no GTID any more, so that nothing tells when it can be seen",
                "SET GLOBAL gtid_mode = ON again.",
            )
        wanted = literal(",".join(map(str, gtids)))
        await until_visible(lambda: self._true(f"GTID_SUBSET({wanted}, @@GLOBAL.gtid_executed)"), _WAITS)

    async def _true(self, expression: str) -> bool | None:
        ((text,),) = await self._connection.texts(f"SELECT {expression}")
        return True if text == "1" else None

    async def _sees_place(self, wanted: tuple[int, int]) -> bool | None:
        """Tell whether a view that is opened now has the transaction at a place: a view ends between two of them."""
        await open_view([self._connection])
        try:
            found = await place_of_view(self._connection)
        finally:
            await self._connection.execute("ROLLBACK")
        if found is None:
            raise SourceRefused(
                f"{self._connection.server} does not tell the place of a consistent snapshot (binlog_snapshot_position), so that nothing"
                " tells when transactions can be seen",
                "Remove the post processor that reads columns again; with binlog_row_image=FULL the log has all values.",
            )
        return True if place_number(found) > wanted else None

    async def _ended_are_done(self) -> bool | None:
        prepared = await prepared_now(self._connection)
        return None if prepared.intersection(self.ended) else True


def place_number(place: FilePosition) -> tuple[int, int]:
    """Return the number of a file of the log, and the position in it: what orders places."""
    return _place(place.file, place.position)


def _place(file: str, position: int) -> tuple[int, int]:
    return int(file.rpartition(".")[2]), position
