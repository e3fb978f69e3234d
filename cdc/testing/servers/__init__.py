"""Real servers for tests, demos and trying things out, one file per server."""

from cdc.testing.servers.base import Address, Server, ServerError
from cdc.testing.servers.choice import create, fetch, version
from cdc.testing.servers.kafka import KafkaServer
from cdc.testing.servers.kafka_security import Security
from cdc.testing.servers.mysql import MariaDbServer, MySqlServer
from cdc.testing.servers.postgres import PostgresServer

__all__ = [
    "Address",
    "KafkaServer",
    "MariaDbServer",
    "MySqlServer",
    "PostgresServer",
    "Security",
    "Server",
    "ServerError",
    "create",
    "fetch",
    "version",
]
