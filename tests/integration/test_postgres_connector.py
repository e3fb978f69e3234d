"""The PostgreSQL connector keeps the contract of source connectors with a server that answers."""

from __future__ import annotations

from typing import Any

import pytest

from cdc.sources.postgres.connector import PostgresConnector
from cdc.testing.conformance.source_connector import SourceConnectorConformance
from tests.support.connector import properties
from tests.support.database import Database


class Shop:
    connector = PostgresConnector

    def __init__(self, database: Database, prefix: str) -> None:
        ((lsn,),) = database.execute("select (pg_current_wal_lsn() - '0/0')::bigint")
        self.properties = properties(database, "127.0.0.1:9092", prefix)
        self.offsets: Any = [({"server": prefix}, {"lsn": lsn})]
        self.unusable: Any = [[({"server": f"{prefix}x"}, {"lsn": lsn})]]


class TestConformance(SourceConnectorConformance):
    @pytest.fixture
    def world(self, database, topic_prefix):
        return Shop(database, topic_prefix)
