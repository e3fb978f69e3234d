"""The programs of MySQL and MariaDB from Debian's archive, with their own C library, and data to begin with.

Each kind has a folder in the cache, made once: `root`, the unpacked packages; `bin`, scripts that run its programs with its
own libraries; `data`, a data directory as a new server has it, to be copied; `release`. A library path in the environment
would reach every program started from then on, so the scripts hand it to the loader (ld.so(8)).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cdc.testing.servers.base import ServerError
from cdc.testing.servers.cache import announce, cache_folder, locked
from cdc.testing.servers.debian import OTHERWISE, unpack_packages

SCRIPT = """\
#!/bin/sh
root=$(dirname "$(dirname "$0")")/root
exec "$root/{loader}" --library-path "{libraries}" "$root/{program}" "$@"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """One kind of server: the packages of a Debian suite, and how its server fills an empty data directory.

    `series` is the version that the suite is known to have; `size` what is fetched, in megabytes. `clients` are programs
    besides the server and its first one is for running SQL. `initialise` are the options that make the data directory, and
    `tables` the SQL files of the packages that the server is fed with then.
    """

    name: str
    title: str
    series: str
    suite: str
    packages: tuple[str, ...]
    size: int
    server: str
    clients: tuple[str, ...]
    initialise: tuple[str, ...]
    tables: tuple[str, ...] = ()

    def installation(self) -> Path:
        """Return the folder of this kind, made the first time; raises `ServerError` when that fails."""
        target = self._folder()
        if not target.exists():
            with locked(self.name):
                if not target.exists():
                    self._install(target)
        return target

    def program(self, name: str) -> str:
        """Return the path of the server or a client."""
        return str(self.installation() / "bin" / name)

    def release(self) -> str:
        """Return the release that was fetched, for example `9.7.4`; the series before there is one."""
        recorded = self._folder() / "release"
        return recorded.read_text() if recorded.exists() else self.series

    def options(self, installation: Path) -> dict[str, str]:
        """Return the server's options that say where its own files are, and that it may run as who runs it."""
        share = installation / "root" / "usr" / "share" / "mysql"
        return {
            "basedir": str(installation / "root" / "usr"),
            "lc-messages-dir": str(share),
            "character-sets-dir": str(share / "charsets"),
            "plugin-dir": str(installation / "root" / "usr" / "lib" / "mysql" / "plugin"),
            **({"user": "root"} if os.getuid() == 0 else {}),
        }

    def _folder(self) -> Path:
        return cache_folder() / f"{self.name}-{self.series}"

    def _install(self, target: Path) -> None:
        announce(f"fetching {self.title} (about {self.size} MB) from Debian into {target}")
        unfinished = target.with_name(f"{target.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unpack_packages(self.packages, self.suite, unfinished / "root", self.title)
        write_scripts(unfinished, (self.server, *self.clients))
        self._make_data(unfinished)
        said = self._run_server(unfinished, "--version")
        (unfinished / "release").write_text(_release_in(said))
        unfinished.rename(target)

    def _make_data(self, installation: Path) -> None:
        data = installation / "data"
        data.mkdir()
        options = {**self.options(installation), "datadir": str(data)}
        given = [f"--{key}={value}" for key, value in options.items()]
        share = installation / "root" / "usr" / "share" / "mysql"
        sql = "".join((share / name).read_text() for name in self.tables)
        self._run_server(installation, *given, *self.initialise, statements=f"{SYSTEM}{sql}" if sql else "")

    def _run_server(self, installation: Path, *options: str, statements: str = "") -> str:
        command = [str(installation / "bin" / self.server), "--no-defaults", *options]
        done = subprocess.run(command, input=statements, capture_output=True, text=True, check=False)
        if done.returncode:
            end = "\n".join(done.stderr.splitlines()[-20:])
            raise ServerError(f"{self.server} of {self.title} failed with {done.returncode}:\n{end}")
        return done.stdout


#: Root needs no password: the packages' own script would let root in by the socket alone.
SYSTEM = "create database mysql;\nuse mysql;\nset @auth_root_socket = null;\n"
# What is written here lasts: nothing has to reach the disk before the next step (`nosync`).
QUICK = ("--innodb-flush-method=nosync", "--skip-innodb-doublewrite")

MYSQL = Programs(
    name="mysql",
    title="MySQL 9.7",
    series="9.7",
    suite="sid",
    packages=("mysql-server-core", "mysql-client-core"),
    size=75,
    server="mysqld",
    clients=("mysql", "mysqladmin", "mysqlbinlog", "mysqldump"),
    initialise=("--initialize-insecure", "--innodb-redo-log-capacity=8M", *QUICK),
)
MARIADB = Programs(
    name="mariadb",
    title="MariaDB 10.11",
    series="10.11",
    suite="bookworm",
    packages=("mariadb-server-core", "mariadb-client-core"),
    size=25,
    server="mariadbd",
    clients=("mariadb",),
    initialise=("--bootstrap", "--innodb-log-file-size=8M", *QUICK),
    tables=(
        "mysql_system_tables.sql",
        "mysql_performance_tables.sql",
        "mysql_system_tables_data.sql",
        "maria_add_gis_sp_bootstrap.sql",
        "mysql_sys_schema.sql",
    ),
)


def write_scripts(installation: Path, programs: tuple[str, ...]) -> None:
    """Write a script in `bin` for each program of `root`; they find each other wherever the folder is moved to."""
    root, scripts = installation / "root", installation / "bin"
    loader = _found(root, "usr/lib/*/ld-linux-*.so.*", "lib/*/ld-linux-*.so.*")
    triplet = loader.parent.name
    libraries = f"$root/usr/lib/{triplet}:$root/lib/{triplet}"
    scripts.mkdir()
    for name in programs:
        program = _found(root, f"usr/*bin/{name}")
        text = SCRIPT.format(loader=loader, libraries=libraries, program=program)
        (scripts / name).write_text(text)
        (scripts / name).chmod(0o755)


def _found(root: Path, *patterns: str) -> Path:
    for pattern in patterns:
        for path in root.glob(pattern):
            return path.relative_to(root)
    raise ServerError(f"the packages have no {patterns[0]} in {root}", OTHERWISE)


def _release_in(said: str) -> str:
    found = re.search(r"Ver (\d+\.\d+\.\d+)", said)
    return found[1] if found else said.strip()
