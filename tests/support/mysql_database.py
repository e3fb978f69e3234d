"""A database of its own for a test on a MySQL or MariaDB, made and dropped beside the others on one server."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import uuid4

import pymysql
from pymysql.constants import CLIENT
from pymysql.cursors import Cursor

from cdc.testing.servers import Address

NO_SUCH_THREAD = 1094
Connection: TypeAlias = "pymysql.Connection[Cursor]"
TupleRow = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class MySqlDatabase:
    """Where a test's database is; the superuser needs no password.

    The binary log is that of the whole server: what a test reads from it, it must tell by the name of its database.
    """

    host: str
    port: int
    user: str
    name: str

    @property
    def url(self) -> str:
        """Where it is, as a URL."""
        return f"mysql://{self.user}@{self.host}:{self.port}/{self.name}"

    def connect(self, **options: Any) -> Connection:
        """Open a connection in autocommit; the caller closes it."""
        usual = {"autocommit": True, "charset": "utf8mb4", "client_flag": CLIENT.MULTI_STATEMENTS}
        whose = {"host": self.host, "port": self.port, "user": self.user, "database": self.name}
        return pymysql.connect(**{**usual, **whose, **options})

    def execute(self, statement: str, *parameters: Any) -> list[TupleRow]:
        """Run one statement, or several, on a connection of its own; return the last one's rows."""
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            rows = cursor.fetchall()
            while cursor.nextset():
                rows = cursor.fetchall()
            return list(rows)

    async def run(self, statement: str, *parameters: Any) -> list[TupleRow]:
        """Do the same as `execute` without blocking the event loop."""
        return await asyncio.to_thread(self.execute, statement, *parameters)


def created(server: Address, kind: str = "test") -> MySqlDatabase:
    """Create a database with a name that no other test has; it begins with `kind`."""
    fresh = MySqlDatabase(server.host, server.port, server.user, f"{kind}_{uuid4().hex[:10]}")
    _maintenance(fresh).execute(f"create database `{fresh.name}`")
    return fresh


def dropped(database: MySqlDatabase) -> None:
    """Drop the database, after ending every session on it; prepared transactions named after it are rolled back."""
    maintenance = _maintenance(database)
    using = "select id from information_schema.processlist where db = %s"
    for (session,) in maintenance.execute(using, database.name):
        _end(maintenance, session)
    for kind, length, _, data in maintenance.execute("xa recover"):
        name = data if isinstance(data, str) else data.decode()  # MariaDB sends it as binary
        if name.startswith(database.name):
            maintenance.execute("xa rollback %s, %s, %s", name[:length], name[length:], kind)
    maintenance.execute(f"set lock_wait_timeout = 30; drop database if exists `{database.name}`")


def _end(maintenance: MySqlDatabase, session: int) -> None:
    try:
        maintenance.execute("kill %s", session)
    except pymysql.err.OperationalError as error:
        if error.args[0] != NO_SUCH_THREAD:  # it ended by itself just now
            raise


def _maintenance(database: MySqlDatabase) -> MySqlDatabase:
    return MySqlDatabase(database.host, database.port, database.user, "mysql")
