"""A MySQL connector's configuration for a test, and what the server tells of it."""

from __future__ import annotations

import random

from tests.support.connector import until
from tests.support.mysql_database import MySqlDatabase


def mysql_properties(database: MySqlDatabase, servers: str, prefix: str, **more: str) -> dict[str, str]:
    """Return the configuration of a connector that captures a database; `more` names properties with `_` for `.`, and overrides."""
    return {
        "name": prefix,
        "connector.class": "io.debezium.connector.mysql.MySqlConnector",
        "bootstrap.servers": servers,
        "database.hostname": database.host,
        "database.port": str(database.port),
        "database.user": database.user,
        "database.server.id": str(random.randrange(1 << 20, 1 << 32)),
        "database.include.list": database.name,
        "schema.history.internal.kafka.topic": f"{prefix}.history",
        "topic.prefix": prefix,
        "key.converter.schemas.enable": "false",
        "value.converter.schemas.enable": "false",
        "extended.headers.enabled": "false",
        **{name.replace("_", "."): value for name, value in more.items()},
    }


def dump_threads(database: MySqlDatabase) -> list[int]:
    """Return the sessions that read the server's binary log, as ids that KILL takes."""
    query = "select id from information_schema.processlist where command like 'Binlog Dump%'"
    return [int(session) for (session,) in database.execute(query)]


def kill_dump(database: MySqlDatabase) -> None:
    """End whoever reads the server's binary log; waits until there is someone."""
    until(lambda: dump_threads(database), "a session that reads the binary log")
    for session in dump_threads(database):
        database.execute("kill %s", session)
