"""The database of a golden case, of one kind or the other: what a run asks of it."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import psycopg
import pymysql

from cdc.testing.servers import Address
from tests.support import database as postgres
from tests.support import mysql_database as mysql
from tests.support.connector import Connector, SlotView, until
from tests.support.database import Database
from tests.support.mysql_database import MySqlDatabase

CASE_DATABASE = "golden"
#: Some cases of MySQL have a second database.
OTHER_DATABASE = "other"


class Refused(Exception):
    """The database does not run a statement."""


class Session(Protocol):
    """A connection that a case writes by."""

    def execute(self, statement: str) -> None:
        """Run a statement; raises Refused."""


class Side(Protocol):
    """One database of its own for a run."""

    @property
    def name(self) -> str:
        """The database's name."""

    def session(self) -> Iterator[Session]:
        """Open a session; a generator that closes it."""

    def properties(self, prefix: str) -> dict[str, str]:
        """Return the connector's properties about the database."""

    def wait_until_streaming(self, connector: Connector, prefix: str) -> None:
        """Wait until the connector streams, or has failed."""

    def wait_until_sent(self, connector: Connector, prefix: str) -> None:
        """Wait until the server has sent what is committed, as far as it tells."""


def in_run(statement: str, name: str) -> str:
    """Return a statement of a case for the database of a run."""
    return re.sub(rf"\b{CASE_DATABASE}\b", name, statement)


@dataclass(slots=True)
class _PostgresSession:
    connection: psycopg.Connection[postgres.TupleRow]

    def execute(self, statement: str) -> None:
        try:
            self.connection.execute(statement.encode())
        except psycopg.Error as error:
            raise Refused(str(error)) from error


@dataclass(slots=True)
class PostgresSide:
    """A PostgreSQL database, and the slot of a run."""

    database: Database

    @property
    def name(self) -> str:
        """The database's name."""
        return self.database.name

    def session(self) -> Iterator[Session]:
        """See `Side.session`."""
        with closing(self.database.connect()) as connection:
            yield _PostgresSession(connection)

    def properties(self, prefix: str) -> dict[str, str]:
        """See `Side.properties`."""
        return {
            "database.hostname": self.database.host,
            "database.port": str(self.database.port),
            "database.user": self.database.user,
            "database.dbname": self.database.name,
            "slot.name": prefix,
            "slot.max.retries": "1",
        }

    def wait_until_streaming(self, connector: Connector, prefix: str) -> None:
        """See `Side.wait_until_streaming`."""
        SlotView(self.database, prefix).wait_until_streaming(connector)

    def wait_until_sent(self, connector: Connector, prefix: str) -> None:
        """See `Side.wait_until_sent`."""
        SlotView(self.database, prefix).wait_until_sent(connector)


@dataclass(slots=True)
class _MySqlSession:
    connection: mysql.Connection
    name: str

    def execute(self, statement: str) -> None:
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(in_run(statement, self.name))
                while cursor.nextset():
                    pass
        except pymysql.MySQLError as error:
            raise Refused(str(error)) from error


@dataclass(slots=True)
class MySqlSide:
    """A MySQL database, and the number that the connector has as a replica."""

    database: MySqlDatabase
    server_id: int = field(default_factory=lambda: random.randrange(1 << 20, 1 << 32))

    @property
    def name(self) -> str:
        """The database's name."""
        return self.database.name

    def session(self) -> Iterator[Session]:
        """See `Side.session`."""
        with closing(self.database.connect(local_infile=True)) as connection:
            yield _MySqlSession(connection, self.name)

    def properties(self, prefix: str) -> dict[str, str]:
        """See `Side.properties`."""
        return {
            "database.hostname": self.database.host,
            "database.port": str(self.database.port),
            "database.user": self.database.user,
            "database.server.id": str(self.server_id),
            "schema.history.internal.kafka.topic": f"hist.{prefix}",
        }

    def wait_until_streaming(self, connector: Connector, prefix: str) -> None:
        """See `Side.wait_until_streaming`: the server lists the connector among its replicas."""
        until(lambda: connector.failure or self._listed(), "streaming", 60)

    def _listed(self) -> bool:
        return any(row[0] == self.server_id for row in self.database.execute("SHOW REPLICAS"))

    def wait_until_sent(self, connector: Connector, prefix: str) -> None:
        """See `Side.wait_until_sent`: MySQL is told nothing of what was read, so what arrives in Kafka tells."""


@contextmanager
def side_of(server: Address) -> Iterator[Side]:
    """Make a database of its own on a server, and drop it in the end."""
    if server.name == "mysql":
        made = mysql.created(server, CASE_DATABASE)  # databases come in the order of their names
        try:
            yield MySqlSide(made)
        finally:
            made.execute(f"DROP DATABASE IF EXISTS {OTHER_DATABASE}")
            mysql.dropped(made)
        return
    database = postgres.created(server)
    try:
        yield PostgresSide(database)
    finally:
        postgres.dropped(database)
