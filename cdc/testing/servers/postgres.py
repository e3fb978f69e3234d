"""PostgreSQL 14 to 18, set up for logical replication.

PostgreSQL refuses to run as root: for root it runs as `nobody`, from a copy of the programs if that account cannot read
them where they are installed. Whoever connects from this machine is trusted unless `hba` says otherwise.
"""

from __future__ import annotations

import os
import pwd
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from cdc.testing.servers.base import LOOPBACK, Address
from cdc.testing.servers.cache import reachable
from cdc.testing.servers.native import NativeServer
from cdc.testing.servers.postgres_programs import IN_WHEEL, UNPRIVILEGED, chosen, installation, known, release

SUPERUSER = "postgres"

# fsync guards against a crash of the machine; a killed server loses nothing without it.
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "timezone": "Etc/UTC",
    "log_timezone": "Etc/UTC",
    "wal_level": "logical",
    "max_wal_senders": "64",
    "max_replication_slots": "64",
    "max_prepared_transactions": "10",
    "max_connections": "200",
    "max_wal_size": "4GB",
    "wal_keep_size": "0",
    "fsync": "off",
}
TRUST = ("local all all trust", "host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust")
PASSWORDS = (
    "local all all trust",
    "host all all 127.0.0.1/32 scram-sha-256",
    "host replication all 127.0.0.1/32 scram-sha-256",
)


class PostgresServer(NativeServer):
    """A PostgreSQL of its own: superuser `postgres`, database `postgres`, `wal_level = logical`, time zone Etc/UTC.

    `version` is the major version, 14 to 18; None means `CDC_POSTGRES_VERSION`, and 18 without it. `settings` are added to
    `postgresql.conf`, over the kit's own; `hba` are the lines of `pg_hba.conf`: `TRUST`, or `PASSWORDS` for SCRAM. Keep their
    `local` line, which `execute` uses. The server of version 18 is built without TLS. Raises `ServerError` for another version.
    """

    name = "postgres"
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT  # "fast": open sessions are ended
    discard_signal: ClassVar[signal.Signals] = signal.SIGQUIT  # "immediate"; unlike SIGKILL it frees the shared memory

    def __init__(
        self,
        *,
        version: int | None = None,
        settings: Mapping[str, str] | None = None,
        hba: Sequence[str] = TRUST,
    ) -> None:
        super().__init__()
        self.version = chosen() if version is None else known(version)
        self._settings = {**SETTINGS, **(settings or {})}
        self._hba = hba

    @property
    def data(self) -> Path:
        """The data directory; the Unix socket is in it."""
        return self.folder / "data"

    def execute(self, statement: str, database: str = "postgres") -> str:
        """Run SQL as superuser through the socket, whatever `hba` says; return psql's unaligned output without header."""
        entrance = ["-h", str(self.data), "-p", str(self.port), "-U", SUPERUSER, "-d", database]
        quiet = ["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1"]
        return self._run([program("psql"), *entrance, *quiet, "--command", statement]).strip()

    def _prepare(self) -> None:
        if (account := self._account()) is not None:
            os.chown(self.folder, account, account)
        quick = ["--no-sync", "--no-instructions", "--auth=trust"]
        self._run(
            [
                self._server_program("initdb"),
                "-D",
                str(self.data),
                "-U",
                SUPERUSER,
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                *quick,
            ]
        )
        settings = {"port": str(self.port), "unix_socket_directories": str(self.data), **self._settings}
        with (self.data / "postgresql.conf").open("a") as file:
            file.writelines(f"{key} = '{value}'\n" for key, value in settings.items())
        (self.data / "pg_hba.conf").write_text("".join(f"{line}\n" for line in self._hba))

    def _command(self) -> list[str]:
        return [self._server_program("postgres"), "-D", str(self.data)]

    def _server_program(self, name: str) -> str:
        return str(installation(self.version) / "bin" / name)

    def _is_ready(self) -> bool:
        """The last line of `postmaster.pid` is the state that `pg_ctl -w` waits for."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        mine = self._process is not None and lines[:1] == [str(self._process.pid)]
        return mine and lines[-1].strip() == "ready"

    def _address(self, pid: int) -> Address:
        url = f"postgresql://{SUPERUSER}@{LOOPBACK}:{self.port}/postgres"
        return Address(
            name=self.name, port=self.port, user=SUPERUSER, url=url, pid=pid, data=str(self.data), log=str(self.log)
        )

    def _temporary_root(self) -> Path | None:
        root = Path(os.environ.get("TMPDIR") or "/tmp")  # noqa: S108
        return root if os.getuid() != 0 or reachable(root) else Path("/var/tmp")  # noqa: S108

    def _account(self) -> int | None:
        return pwd.getpwnam(UNPRIVILEGED).pw_uid if os.getuid() == 0 else None


def version() -> str:
    """Return the release that is meant where no version is named, for example `18.6`."""
    return release(chosen())


def program(name: str) -> str:
    """Return the path of a client program (`psql`, `pg_recvlogical`, …) of version 18, which the server's account can run."""
    return str(installation(IN_WHEEL) / "bin" / name)


def fetch() -> None:
    """Make the programs of that version ready to run."""
    installation(chosen())
