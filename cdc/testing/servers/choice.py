"""Which servers there are by name, and whether they run as processes or as containers.

`CDC_SERVICES=native` and `CDC_SERVICES=docker` decide; without it Docker is taken where an engine answers. `CDC_POSTGRES_VERSION`
chooses among the versions of PostgreSQL.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from cdc.testing.servers import docker, kafka, mysql, postgres
from cdc.testing.servers.base import Server, ServerError
from cdc.testing.servers.mysql_programs import MARIADB, MYSQL
from cdc.testing.servers.native import NativeServer

NATIVE: dict[str, type[NativeServer]] = {
    "postgres": postgres.PostgresServer,
    "kafka": kafka.KafkaServer,
    "mysql": mysql.MySqlServer,
    "mariadb": mysql.MariaDbServer,
}
FETCH: dict[str, Callable[[], object]] = {
    "postgres": postgres.fetch,
    "kafka": kafka.fetch,
    "mysql": MYSQL.installation,
    "mariadb": MARIADB.installation,
}
VERSION: dict[str, Callable[[], str]] = {
    "postgres": postgres.version,
    "kafka": kafka.version,
    "mysql": MYSQL.release,
    "mariadb": MARIADB.release,
}
NAMES = tuple(NATIVE)


def create(name: str) -> Server:
    """Return a new server of this name with the kit's settings, not started; raises `ServerError` for an unknown name."""
    known(name)
    return docker.create(name) if in_docker() else NATIVE[name]()


def fetch(name: str) -> None:
    """Bring what the server of this name needs onto this machine, so that its start is quick."""
    known(name)
    if not in_docker():
        FETCH[name]()


def version(name: str) -> str:
    """Return the version of the server that `create` makes; an image's tag in Docker."""
    known(name)
    return docker.image(name).image if in_docker() else VERSION[name]()


def in_docker() -> bool:
    """Tell whether servers run as containers; raises `ServerError` when `CDC_SERVICES` is neither word."""
    match os.environ.get("CDC_SERVICES", ""):
        case "native":
            return False
        case "docker":
            return True
        case "":
            return docker.answers()
        case other:
            raise ServerError(f"CDC_SERVICES is {other!r}", "Set it to native or docker, or leave it out.")


def known(name: str) -> None:
    """Raise `ServerError` when there is no server of this name."""
    if name not in NATIVE:
        raise ServerError(f"there is no server named {name!r}", f"Name one or more of: {', '.join(NAMES)}.")
