"""A database of its own for a test, made and dropped beside the others on one server."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
from psycopg import sql

from cdc.testing.servers import Address

TupleRow = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Database:
    """Where a test's database is; the superuser needs no password."""

    host: str
    port: int
    user: str
    name: str

    @property
    def url(self) -> str:
        """The libpq URL."""
        return f"postgresql://{self.user}@{self.host}:{self.port}/{self.name}"

    def connect(self, **options: Any) -> psycopg.Connection[TupleRow]:
        """Open a connection in autocommit; the caller closes it."""
        return psycopg.connect(self.url, **{"autocommit": True, **options})

    async def connect_async(self, **options: Any) -> psycopg.AsyncConnection[TupleRow]:
        """Open a connection in autocommit; the caller closes it."""
        return await psycopg.AsyncConnection.connect(self.url, **{"autocommit": True, **options})

    def execute(self, query: LiteralString | sql.Composed, *parameters: Any) -> list[TupleRow]:
        """Run one statement, or several without parameters, on a connection of its own; return the last one's rows."""
        with closing(self.connect()) as connection:
            cursor = connection.execute(query, parameters or None)
            return cursor.fetchall() if cursor.description else []


def created(server: Address) -> Database:
    """Create a database with a name that no other test has."""
    fresh = Database(server.host, server.port, server.user, f"test_{uuid4().hex[:10]}")
    _maintenance(fresh).execute(sql.SQL("create database {}").format(sql.Identifier(fresh.name)))
    return fresh


def dropped(database: Database) -> None:
    """Drop the database with its slots and its prepared transactions, after ending every session on it."""
    maintenance = _maintenance(database)
    for (gid,) in maintenance.execute("select gid from pg_prepared_xacts where database = %s", database.name):
        database.execute(sql.SQL("rollback prepared {}").format(sql.Literal(gid)))
    deadline = time.monotonic() + 10
    while _end_readers(maintenance, database.name) and time.monotonic() < deadline:
        time.sleep(0.02)
    maintenance.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(database.name)))


def _maintenance(database: Database) -> Database:
    return Database(database.host, database.port, database.user, "postgres")


def _end_readers(maintenance: Database, name: str) -> bool:
    """End the sessions that read a slot of this database; tell whether there were any."""
    ended = maintenance.execute(
        "select pg_terminate_backend(active_pid) from pg_replication_slots where database = %s and active", name
    )
    return bool(ended)
