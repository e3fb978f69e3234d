"""Where the shop is: its database on a server, made and removed, and its topics on a broker."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from psycopg import sql

from cdc.testing.servers import Address
from cdc.testing.shop.inventory import connect
from cdc.testing.shop.schema import CREATE, TABLES

log = logging.getLogger(__name__)

#: How often, and at what distance, the readers of a slot are asked to leave before its database is dropped.
ATTEMPTS = 100
PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Premises:
    """The shop's own database; its name is also that of the connector, the slot and the topics' prefix."""

    name: str
    server: Address

    @classmethod
    def on(cls, server: Address) -> Premises:
        """Return premises under a name that no other shop has; nothing is created yet."""
        return cls(f"shop_{uuid4().hex[:6]}", server)

    @property
    def url(self) -> str:
        """The libpq URL of the database; the superuser needs no password."""
        return self._url(self.name)

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics that the changes of the tables go to."""
        return tuple(f"{self.name}.public.{table}" for table in TABLES)

    @property
    def offset_topic(self) -> str:
        """The topic that holds the log position."""
        return f"{self.name}.offsets"

    def connector(self, bootstrap_servers: str) -> dict[str, str]:
        """Return the configuration of a connector that captures the shop, as JSON without schemas."""
        return {
            "name": self.name,
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "database.hostname": self.server.host,
            "database.port": str(self.server.port),
            "database.user": self.server.user,
            "database.dbname": self.name,
            "topic.prefix": self.name,
            "slot.name": self.name,
            "publication.name": self.name,
            "table.include.list": ",".join(f"public.{table}" for table in TABLES),
            "decimal.handling.mode": "string",
            "key.converter.schemas.enable": "false",
            "value.converter.schemas.enable": "false",
            "bootstrap.servers": bootstrap_servers,
            "offset.storage.topic": self.offset_topic,
        }

    async def create(self) -> None:
        """Create the database and its empty tables."""
        async with await connect(self._url("postgres")) as connection:
            await connection.execute(sql.SQL("create database {}").format(sql.Identifier(self.name)))
        async with await connect(self.url) as connection:
            await connection.execute(CREATE)

    async def remove(self) -> None:
        """Drop the database with its slot, after ending whoever still reads it; a server that is gone is told in the log."""
        try:
            await self._drop()
        except psycopg.OperationalError as error:
            log.warning("database %s was not dropped: %s", self.name, str(error).strip())

    async def _drop(self) -> None:
        for _ in range(ATTEMPTS):
            if not await self._end_readers():
                break
            await asyncio.sleep(PAUSE_SECONDS)
        query = sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(self.name))
        async with await connect(self._url("postgres")) as connection:
            await connection.execute(query)

    async def remove_topics(self, bootstrap_servers: str) -> None:
        """Delete the shop's topics; a broker that is gone is told in the log."""
        admin: Any = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
        try:
            await admin.start()
            present = set(await admin.list_topics())
            await admin.delete_topics(sorted(present & {*self.topics, self.offset_topic}))
        except KafkaError as error:
            log.warning("topics %s.* were not deleted: %s", self.name, error)
        finally:
            await admin.close()

    async def _end_readers(self) -> int:
        """End the sessions that read the slot; return how many there were."""
        async with await connect(self._url("postgres")) as connection:
            cursor = await connection.execute(
                "select pg_terminate_backend(active_pid) from pg_replication_slots where database = %s and active",
                (self.name,),
            )
            return cursor.rowcount

    def _url(self, database: str) -> str:
        return f"postgresql://{self.server.user}@{self.server.host}:{self.server.port}/{database}"
