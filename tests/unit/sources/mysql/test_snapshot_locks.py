"""The statements by which a snapshot locks, on servers that are not to be had for tests."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cdc.config.mysql_settings import Locking
from cdc.errors import SourceRefused
from cdc.sources.mysql.snapshot.locks import SnapshotLock


class Server:
    """Answers as a MySQL server would that has, or has not, Percona's backup locks; keeps the statements."""

    mariadb = False
    server = "8.0.36-28"
    endpoint = "db:3306"

    def __init__(self, *, locks: bool) -> None:
        self._locks = locks
        self.statements: list[str] = []

    async def texts(self, sql: str) -> list[tuple[str, str]]:
        assert "have_backup_locks" in sql
        return [("have_backup_locks", "YES")] if self._locks else []

    async def execute(self, sql: str) -> None:
        self.statements.append(sql)

    async def close(self) -> None:
        self.statements.append("closed")


def lock(server: Any, locking: Locking) -> SnapshotLock:
    settings: Any = SimpleNamespace(locking=locking, snapshot=SimpleNamespace(lock_timeout=10))
    return SnapshotLock(server, settings, [])


MODES = [Locking.MINIMAL_PERCONA, Locking.MINIMAL_PERCONA_NO_TABLE_LOCKS]


@pytest.mark.parametrize("locking", MODES)
async def test_percona_has_a_backup_lock_that_lets_commits_through(locking):
    server = Server(locks=True)
    taken = lock(server, locking)
    await taken.take()
    assert not taken.stops_commits
    await taken.release()
    assert server.statements[1:] == ["LOCK TABLES FOR BACKUP", "UNLOCK TABLES", "closed"]


@pytest.mark.parametrize("locking", MODES)
async def test_a_server_without_it_is_refused(locking):
    server = Server(locks=False)
    with pytest.raises(SourceRefused, match=f"{locking}, and 8.0.36-28 has no backup lock"):
        await lock(server, locking).take()
    assert not any("LOCK" in statement for statement in server.statements[1:])


async def test_the_read_lock_stops_commits():
    server = Server(locks=True)
    taken = lock(server, Locking.MINIMAL)
    await taken.take()
    assert taken.stops_commits
    assert server.statements[1:] == ["FLUSH TABLES WITH READ LOCK"]
