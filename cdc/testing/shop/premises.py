"""Where the shop is: its database on a server, made and removed, and its topics on a broker."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from psycopg import sql

from cdc.testing.servers import Address
from cdc.testing.shop.databases import connected, kind_of
from cdc.testing.shop.schema import TABLES

log = logging.getLogger(__name__)

#: How often, and at what distance, the readers of a slot are asked to leave before its database is dropped.
ATTEMPTS = 100
PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Premises(ABC):
    """The shop's own database; its name is also that of the connector, the slot and the topics' prefix."""

    name: str
    server: Address

    @classmethod
    def on(cls, server: Address) -> Premises:
        """Return premises on PostgreSQL or MySQL under a name that no other shop has; nothing is created yet."""
        kinds = {"postgres": PostgresPremises, "mysql": MySqlPremises}
        return kinds[server.name](f"shop_{uuid4().hex[:6]}", server)

    @property
    def url(self) -> str:
        """The URL of the database; the superuser needs no password."""
        return self._url(self.name)

    @property
    @abstractmethod
    def topics(self) -> tuple[str, ...]:
        """The topics that the changes of the tables go to."""

    @property
    def offset_topic(self) -> str:
        """The topic that holds the log position."""
        return f"{self.name}.offsets"

    def connector(self, bootstrap_servers: str) -> dict[str, str]:
        """Return the configuration of a connector that captures the shop, as JSON without schemas."""
        return {
            "name": self.name,
            "database.hostname": self.server.host,
            "database.port": str(self.server.port),
            "database.user": self.server.user,
            "topic.prefix": self.name,
            "decimal.handling.mode": "string",
            "key.converter.schemas.enable": "false",
            "value.converter.schemas.enable": "false",
            "bootstrap.servers": bootstrap_servers,
            "offset.storage.topic": self.offset_topic,
            **self._source(bootstrap_servers),
        }

    async def create(self) -> None:
        """Create the database and its empty tables."""
        await self._run(sql.SQL("create database {}").format(sql.Identifier(self.name)))
        async with connected(self.url) as session:
            await session.run(kind_of(self.url).CREATE)

    async def remove(self) -> None:
        """Drop the database, after ending whoever still reads it; a server that is gone is told in the log."""
        try:
            await self._drop()
        except kind_of(self.url).BROKEN as error:
            log.warning("database %s was not dropped: %s", self.name, str(error).strip())

    async def remove_topics(self, bootstrap_servers: str) -> None:
        """Delete the shop's topics; a broker that is gone is told in the log."""
        admin: Any = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
        try:
            await admin.start()
            present = set(await admin.list_topics())
            await admin.delete_topics(sorted(present & {*self.topics, *self._other_topics()}))
        except KafkaError as error:
            log.warning("topics %s.* were not deleted: %s", self.name, error)
        finally:
            await admin.close()

    @abstractmethod
    def _source(self, bootstrap_servers: str) -> dict[str, str]:
        """Return the properties that are the database's own."""

    @abstractmethod
    async def _drop(self) -> None:
        """Drop the database and what belongs to it."""

    @abstractmethod
    def _url(self, database: str) -> str:
        """Return the URL of a database of the server."""

    @abstractmethod
    def _maintenance(self) -> str:
        """Return the name of a database that every server has."""

    def _other_topics(self) -> tuple[str, ...]:
        return (self.offset_topic,)

    async def _run(self, query: sql.Composable | str, *values: str) -> int:
        async with connected(self._url(self._maintenance())) as session:
            return await session.run(query, values)


@dataclass(frozen=True, slots=True)
class PostgresPremises(Premises):
    """The shop in PostgreSQL."""

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics that the changes of the tables go to."""
        return tuple(f"{self.name}.public.{table}" for table in TABLES)

    def _source(self, bootstrap_servers: str) -> dict[str, str]:
        return {
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "database.dbname": self.name,
            "slot.name": self.name,
            "publication.name": self.name,
            "table.include.list": ",".join(f"public.{table}" for table in TABLES),
        }

    async def _drop(self) -> None:
        for _ in range(ATTEMPTS):
            if not await self._end_readers():
                break
            await asyncio.sleep(PAUSE_SECONDS)
        await self._run(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(self.name)))

    async def _end_readers(self) -> int:
        """End the sessions that read the slot; return how many there were."""
        return await self._run(
            "select pg_terminate_backend(active_pid) from pg_replication_slots where database = %s and active",
            self.name,
        )

    def _url(self, database: str) -> str:
        return f"postgresql://{self.server.user}@{self.server.host}:{self.server.port}/{database}"

    def _maintenance(self) -> str:
        return "postgres"


@dataclass(frozen=True, slots=True)
class MySqlPremises(Premises):
    """The shop in MySQL; whoever reads the server's log reads that of other databases too, and is left alone."""

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics that the changes of the tables go to."""
        return tuple(f"{self.name}.{self.name}.{table}" for table in TABLES)

    def _source(self, bootstrap_servers: str) -> dict[str, str]:
        return {
            "connector.class": "io.debezium.connector.mysql.MySqlConnector",
            "database.server.id": str(int(self.name.removeprefix("shop_"), 16) + 1),
            "database.include.list": self.name,
            "schema.history.internal.kafka.bootstrap.servers": bootstrap_servers,
            "schema.history.internal.kafka.topic": f"{self.name}.history",
        }

    async def _drop(self) -> None:
        await self._run(sql.SQL("drop database if exists {}").format(sql.Identifier(self.name)))

    def _other_topics(self) -> tuple[str, ...]:
        """The offsets, the changes of tables' definitions, and the history of these."""
        return (self.offset_topic, self.name, f"{self.name}.history")

    def _url(self, database: str) -> str:
        return f"mysql://{self.server.user}@{self.server.host}:{self.server.port}/{database}"

    def _maintenance(self) -> str:
        return "mysql"
