"""The PostgreSQL source on a real server: the contract of every source, and what is PostgreSQL's own."""

from __future__ import annotations

import pytest

from cdc.testing.conformance.source import SourceConformance
from tests.integration.postgres_log import PostgresWorld, small_batches


class TestContract(SourceConformance):
    @pytest.fixture
    def world(self, database):
        with small_batches():
            yield PostgresWorld(database)
