"""A MySQL connector's configuration for a test, and what the server tells of it."""

from __future__ import annotations

import random

from cdc.testing.servers.mysql import BinlogServer
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


def config(database: MySqlDatabase, servers: str, **more: str) -> dict[str, str]:
    """Return the configuration of a connector that has everything by the name of its database, its offsets too."""
    own = {"offset_storage_topic": f"{database.name}.offsets", "database_server_id": "7"}
    return mysql_properties(database, servers, database.name, **{**own, **more})


def kill_dump(server: BinlogServer) -> None:
    """End the session that reads the server's binary log, as soon as there is one."""
    until(lambda: _dump_threads(server), "a session that reads the binary log", 60)
    for session in _dump_threads(server):
        server.execute(f"kill {session}")


def _dump_threads(server: BinlogServer) -> list[str]:
    return server.execute("select id from information_schema.processlist where command like 'Binlog Dump%'").split()
