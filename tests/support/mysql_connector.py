"""The configuration of a MySQL connector for a test."""

from __future__ import annotations

from tests.support.mysql_database import MySqlDatabase


def config(database: MySqlDatabase, servers: str, **more: str) -> dict[str, str]:
    """Return a connector's configuration; `more` names properties with `_` for `.`, and overrides."""
    return {
        "name": database.name,
        "connector.class": "io.debezium.connector.mysql.MySqlConnector",
        "bootstrap.servers": servers,
        "database.hostname": database.host,
        "database.port": str(database.port),
        "database.user": database.user,
        "database.server.id": "7",
        "topic.prefix": database.name,
        "database.include.list": database.name,
        "offset.storage.topic": f"{database.name}.offsets",
        "schema.history.internal.kafka.topic": f"{database.name}.history",
        "key.converter.schemas.enable": "false",
        "value.converter.schemas.enable": "false",
        **{name.replace("_", "."): value for name, value in more.items()},
    }
