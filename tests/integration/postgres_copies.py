"""Servers that come from others: standby servers, and copies that are put back."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping

from cdc.testing.servers.base import LOOPBACK
from cdc.testing.servers.postgres import SUPERUSER, PostgresServer, program

SLOT_OF_STANDBY = "standby"


class StandbyServer(PostgresServer):
    """A standby of a running server, which it follows through the physical slot `standby`, made with it."""

    def __init__(self, primary: PostgresServer, *, settings: Mapping[str, str] | None = None) -> None:
        super().__init__(version=primary.version, settings=settings)
        self._primary = primary

    def promote(self) -> None:
        """Take over; returns when writes are taken."""
        self.execute("select pg_promote(true, 60)")

    def _prepare(self) -> None:
        if (account := self._account()) is not None:
            os.chown(self.folder, account, account)
        source = f"host={LOOPBACK} port={self._primary.port} user={SUPERUSER} dbname=postgres"
        follow = ["--write-recovery-conf", "--create-slot", f"--slot={SLOT_OF_STANDBY}"]
        quick = ["--checkpoint=fast", "--no-sync", "--wal-method=stream"]
        self._run([program("pg_basebackup"), f"--pgdata={self.data}", f"--dbname={source}", *follow, *quick])
        settings = {"port": str(self.port), "unix_socket_directories": str(self.data), **self._settings}
        with (self.data / "postgresql.conf").open("a") as file:
            file.writelines(f"{key} = '{value}'\n" for key, value in settings.items())


class Backup:
    """What the data folder of a stopped server held."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._copy = server.folder / "backup"
        _copy(server.data, self._copy)

    def restore(self) -> None:
        """Put it back; the server must have stopped."""
        subprocess.run(["rm", "-r", str(self._server.data)], check=True)
        _copy(self._copy, self._server.data)


def _copy(source: os.PathLike[str], target: os.PathLike[str]) -> None:
    subprocess.run(["cp", "-a", os.fspath(source), os.fspath(target)], check=True)
