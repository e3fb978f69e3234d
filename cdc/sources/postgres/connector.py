"""The PostgreSQL connector as the runtime sees it: Debezium's `io.debezium.connector.postgresql.PostgresConnector`."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from cdc.config.definition import Definition
from cdc.config.postgres import POSTGRES
from cdc.model.position import Offset, Position
from cdc.sources.log_connector import LogConnector
from cdc.sources.postgres.wal.position import PostgresPosition


class PostgresConnector(LogConnector):
    """The `LogConnector` of PostgreSQL."""

    definition: ClassVar[Definition] = POSTGRES
    position: ClassVar[Callable[[Offset], Position]] = PostgresPosition.from_offset
