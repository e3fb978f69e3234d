"""MySQL 9.7 and MariaDB 10.11, set up for change capture: a binary log of whole rows, with names, and GTIDs.

User `root` comes in from this machine without a password, at 127.0.0.1 and by the socket.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from cdc.testing.servers.base import LOOPBACK, Address
from cdc.testing.servers.certificates import Certificates
from cdc.testing.servers.mysql_programs import MARIADB, MYSQL, Programs
from cdc.testing.servers.native import NativeServer

SUPERUSER = "root"
READY = "ready for connections"

# An option without a value is None. Nothing has to reach the disk: that guards against a crash of the machine; a killed server
# loses nothing without it.
Options = Mapping[str, str | None]
CAPTURE: Options = {
    "log-bin": "binlog",
    "binlog-row-image": "FULL",
    "binlog-row-metadata": "FULL",
    "default-time-zone": "+00:00",
}
SMALL: Options = {
    "local-infile": "ON",
    "secure-file-priv": "",
    "max-connections": "200",
    "sync-binlog": "0",
    "innodb-buffer-pool-size": "64M",
    "innodb-flush-log-at-trx-commit": "2",
    "innodb-flush-method": "nosync",
    "skip-innodb-doublewrite": None,
}
OF_MYSQL: Options = {
    **CAPTURE,
    **SMALL,
    "gtid-mode": "ON",
    "enforce-gtid-consistency": "ON",
    "mysqlx": "OFF",
    "innodb-redo-log-capacity": "8M",
    # The performance schema shows who reads the log; what it would remember of statements takes 200 MB.
    "performance-schema-digests-size": "0",
    "performance-schema-error-size": "0",
    "performance-schema-events-stages-history-long-size": "0",
    "performance-schema-events-statements-history-long-size": "0",
    "performance-schema-events-transactions-history-long-size": "0",
    "performance-schema-events-waits-history-long-size": "0",
}
OF_MARIADB: Options = {
    **CAPTURE,
    **SMALL,
    "binlog-format": "ROW",
    "gtid-strict-mode": "ON",
    "log-slave-updates": "ON",
    "innodb-log-file-size": "8M",
}


class BinlogServer(NativeServer):
    """A server of the family: superuser `root`, no database of its own, time zone +00:00, a server id that is its port.

    `options` are written to the option file, over the kit's own, by the names of the command line; None is an option without
    a value: `{"skip-log-bin": None}`. With `certificates` the server shows these to clients, and asks those for one of the
    same authority who are created with `require x509`.
    """

    programs: ClassVar[Programs]
    defaults: ClassVar[Options]

    def __init__(self, *, options: Options | None = None, certificates: Certificates | None = None) -> None:
        super().__init__()
        self._options = {**self.defaults, **_tls(certificates), **(options or {})}

    @property
    def data(self) -> Path:
        """The data directory; the binary log is in it, and the Unix socket `socket` beside it."""
        return self.folder / "data"

    def execute(self, statement: str, database: str = "mysql") -> str:
        """Run SQL as superuser through the socket; return the rows, columns separated by tabs, without header."""
        client = self.programs.program(self.programs.clients[0])
        entrance = [f"--socket={self._socket}", f"--user={SUPERUSER}", f"--database={database}"]
        quiet = ["--batch", "--raw", "--skip-column-names", "--default-character-set=utf8mb4"]
        return self._run([client, "--no-defaults", *entrance, *quiet, f"--execute={statement}"]).strip()

    def _prepare(self) -> None:
        installation = self.programs.installation()
        # Each server needs a UUID of its own, which it makes when it finds none.
        shutil.copytree(installation / "data", self.data, ignore=shutil.ignore_patterns("auto.cnf"))
        options = {**self.programs.options(installation), **self._places(), **self._options}
        lines = [key if value is None else f"{key} = {value}" for key, value in options.items()]
        self._option_file.write_text("\n".join(["[mysqld]", *lines, ""]))

    def _command(self) -> list[str]:
        return [self.programs.program(self.programs.server), f"--defaults-file={self._option_file}"]

    def _is_ready(self) -> bool:
        return READY in self._log_since_start()

    def _address(self, pid: int) -> Address:
        url = f"mysql://{SUPERUSER}@{LOOPBACK}:{self.port}"
        return Address(
            name=self.name, port=self.port, user=SUPERUSER, url=url, pid=pid, data=str(self.data), log=str(self.log)
        )

    @property
    def _option_file(self) -> Path:
        return self.folder / "server.cnf"

    @property
    def _socket(self) -> Path:
        return self.folder / "socket"

    def _places(self) -> dict[str, str]:
        return {
            "datadir": str(self.data),
            "socket": str(self._socket),
            "pid-file": str(self.folder / "pid"),
            "bind-address": LOOPBACK,
            "port": str(self.port),
            "server-id": str(self.port),
        }


class MySqlServer(BinlogServer):
    """A MySQL 9.7 of its own, with GTIDs and full row images and metadata, and certificates that it made itself."""

    name = "mysql"
    programs = MYSQL
    defaults = OF_MYSQL


class MariaDbServer(BinlogServer):
    """A MariaDB 10.11 of its own, with row format, full row images and metadata; without `certificates` it has no TLS."""

    name = "mariadb"
    programs = MARIADB
    defaults = OF_MARIADB


def _tls(certificates: Certificates | None) -> dict[str, str]:
    if certificates is None:
        return {}
    return {
        "ssl-ca": str(certificates.authority),
        "ssl-cert": str(certificates.certificate),
        "ssl-key": str(certificates.key),
    }
