"""The locks that keep definitions, rows and position of a snapshot together."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Final

from cdc.config.mysql_settings import Locking, MySqlSettings
from cdc.errors import SourceRefused, SourceUnavailable
from cdc.model.table import TableId
from cdc.sources.mysql.protocol.connection import Connection, identifier
from cdc.sources.mysql.protocol.endpoint import Endpoint
from cdc.sources.mysql.protocol.server_errors import ServerBusy, ServerRefused
from cdc.sources.mysql.server.login import reopen
from cdc.sources.mysql.snapshot.view import PATIENCE

log = logging.getLogger(__name__)

#: Errors by which a server says that the user may not; some hosted servers say so by the first.
_DENIED: Final = frozenset({1045, 1044, 1142, 1227})
_TIMED_OUT: Final = 1205
_GLOBAL: Final = ("FLUSH TABLES WITH READ LOCK",)
_BACKUP: Final = ("BACKUP STAGE START", "BACKUP STAGE BLOCK_COMMIT")
#: Of Percona Server; since 8.0 it has none that stops commits.
_PERCONA: Final = ("LOCK TABLES FOR BACKUP",)
_BACKUP_LOCKS: Final = frozenset({Locking.MINIMAL_PERCONA, Locking.MINIMAL_PERCONA_NO_TABLE_LOCKS})


class SnapshotLock:
    """A lock that a connection of its own holds. `tables` are those that are locked if the whole server may not be.

    `is_global` says that all tables of the server are locked, `stops_commits` that nothing is committed while it is held.
    """

    def __init__(self, connection: Connection, settings: MySqlSettings, tables: Sequence[TableId]) -> None:
        self._connection = connection
        self._settings = settings
        self._tables = tables
        self._since = 0.0
        self.is_global = True
        self.stops_commits = True

    @classmethod
    async def open(cls, settings: MySqlSettings, endpoint: Endpoint, tables: Sequence[TableId]) -> SnapshotLock:
        """Return a lock that is not taken yet; raises what `reopen` raises."""
        connection = await reopen(settings, endpoint)
        return cls(connection, settings, tables)

    async def take(self) -> None:
        """Wait until no table is written to, for `snapshot.lock.timeout.ms` at most.

        Raises:
            SourceUnavailable: somebody holds a lock for longer.
            SourceRefused: the user may not lock, or the server has no such lock.
        """
        seconds = max(1, round(self._settings.snapshot.lock_timeout))
        await self._connection.execute(f"SET SESSION lock_wait_timeout = {seconds}, wait_timeout = {PATIENCE}")
        if self._settings.locking in _BACKUP_LOCKS:
            await self._take_backup_lock()
        else:
            await self._take_read_lock()
        self._since = time.monotonic()

    async def _take_read_lock(self) -> None:
        try:
            await self._run(_GLOBAL)
        except ServerRefused as error:
            if error.code not in _DENIED:
                raise
            log.info("%s The captured tables are locked instead.", error.sentence())
            self.is_global = False
            await self._lock_tables()

    async def _lock_tables(self) -> None:
        if not self._tables:
            return
        names = ", ".join(f"{identifier(each.schema)}.{identifier(each.table)} READ" for each in self._tables)
        try:
            await self._run((f"LOCK TABLES {names}",))
        except ServerRefused as error:
            if error.code not in _DENIED:
                raise
            raise self._denied(error, "neither FLUSH TABLES WITH READ LOCK nor LOCK TABLES", "RELOAD ON *.*") from error

    async def _take_backup_lock(self) -> None:
        connection = self._connection
        self.stops_commits = connection.mariadb
        if not connection.mariadb and not await self._is_percona():
            raise SourceRefused(
                f"{connection.endpoint}: snapshot.locking.mode is {self._settings.locking}, and {connection.server} has no backup lock"
                " (have_backup_locks)",
                "Set snapshot.locking.mode=minimal.",
            )
        statements, right = (_BACKUP, "RELOAD") if connection.mariadb else (_PERCONA, "BACKUP_ADMIN")
        try:
            await self._run(statements)
        except ServerRefused as error:
            if error.code not in _DENIED:
                raise
            raise self._denied(error, f"not run {statements[0]}", f"{right} ON *.*") from error

    async def _is_percona(self) -> bool:
        rows = await self._connection.texts("SHOW GLOBAL VARIABLES LIKE 'have_backup_locks'")
        return any(value == "YES" for _, value in rows)

    async def _run(self, statements: Sequence[str]) -> None:
        try:
            for statement in statements:
                await self._connection.execute(statement)
        except ServerBusy as error:
            if error.code != _TIMED_OUT:
                raise
            raise SourceUnavailable(
                f"{self._connection.endpoint}: the snapshot's lock was not had within {self._settings.snapshot.lock_timeout:g} seconds",
                "See who holds a lock or runs a long statement (SHOW PROCESSLIST), or raise snapshot.lock.timeout.ms.",
            ) from error

    def _denied(self, error: ServerRefused, what: str, right: str) -> SourceRefused:
        endpoint = self._connection.endpoint
        return SourceRefused(
            f"{endpoint}: the user may {what}: {error.said}",
            f"GRANT {right} TO {endpoint.user}; or, where the server's provider does not allow it, GRANT LOCK TABLES, SELECT on the captured"
            " databases; or set snapshot.locking.mode=none if no table is altered during the snapshot.",
        )

    async def release(self) -> None:
        """Let others write again, and end the connection.

        Raises:
            SourceUnavailable: the connection broke, so that the lock may have been lost before.
        """
        backup = self._connection.mariadb and self._settings.locking in _BACKUP_LOCKS
        await self._connection.execute("BACKUP STAGE END" if backup else "UNLOCK TABLES")
        log.info("the snapshot's lock was held for %.3f seconds", time.monotonic() - self._since)
        await self.close()

    async def close(self) -> None:
        """End the connection, and the lock with it; never raises."""
        await self._connection.close()
