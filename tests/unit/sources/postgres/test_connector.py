"""The PostgreSQL connector keeps the contract of source connectors; nothing of it needs the server to be there."""

from __future__ import annotations

from typing import Any

import pytest

from cdc.sources.postgres.connector import PostgresConnector
from cdc.testing.conformance.source_connector import SourceConnectorConformance
from tests.unit.config.minimal import MINIMAL

SERVER = {"server": "shop"}
OFFSET = {"lsn": 24_023_128, "txId": 565, "ts_usec": 1_700_000_000_000_000}


class Unreachable:
    connector = PostgresConnector
    properties = MINIMAL

    def __init__(self) -> None:
        self.offsets: Any = [(SERVER, OFFSET)]
        self.unusable: Any = [
            [({"server": "other"}, OFFSET)],
            [({"database": "shop"}, None)],
            [(SERVER, {})],
            [(SERVER, {"lsn": "many"})],
        ]


class TestConformance(SourceConnectorConformance):
    @pytest.fixture
    def world(self):
        return Unreachable()
