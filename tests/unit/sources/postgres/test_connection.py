"""What a refusal means, of one server and of several."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from cdc.config.settings import PostgresSettings
from cdc.errors import SlotInvalidated, SourceRefused, SourceUnavailable
from cdc.sources.postgres.protocol.connection import explain
from cdc.sources.postgres.server.planning import check_server

SETTINGS = PostgresSettings("db1,db2:5433", "shop", "cdc", "prefix")
REFUSED = 'connection failed: connection to server at "10.0.0.1", port 5432 failed: Connection refused'
STANDBY = 'connection failed: connection to server at "10.0.0.2", port 5433 failed: session is read-only'
PASSWORD = (
    'connection failed: connection to server at "10.0.0.2", port 5433 failed: FATAL:  password authentication failed'
)


def attempts(*failures: tuple[str, str]) -> psycopg.OperationalError:
    """Return the error that psycopg raises for several attempts, as of version 3.2."""
    lines = [
        f"- host: '{host}', port: '{5431 + int(host[-1])}', hostaddr: '10.0.0.1': {said}" for host, said in failures
    ]
    return psycopg.OperationalError("\n".join([failures[-1][1], "Multiple connection attempts failed.", *lines]))


class TestSeveralHosts:
    def test_a_standby_that_is_not_promoted_yet_is_waited_for(self):
        error = explain(attempts(("db1", REFUSED), ("db2", STANDBY)), SETTINGS)
        assert type(error) is SourceUnavailable
        assert "PostgreSQL at db1:5432,db2:5433/shop (user cdc)" in str(error)

    def test_a_refusal_of_one_does_not_count_while_another_may_come_back(self):
        assert type(explain(attempts(("db1", REFUSED), ("db2", PASSWORD)), SETTINGS)) is SourceUnavailable
        assert type(explain(attempts(("db1", PASSWORD), ("db2", STANDBY)), SETTINGS)) is SourceUnavailable

    def test_a_refusal_of_all_is_one(self):
        error = explain(attempts(("db1", PASSWORD), ("db2", PASSWORD)), SETTINGS)
        assert type(error) is SourceRefused
        assert "db1:5432 password authentication failed" in str(error)

    def test_of_several_addresses_of_one_name_the_last_counts(self):
        assert type(explain(attempts(("db1", REFUSED), ("db1", PASSWORD)), SETTINGS)) is SourceRefused


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ('can no longer access replication slot "s"', SlotInvalidated),
        ('can no longer get changes from replication slot "s"', SlotInvalidated),
        ("requested WAL segment 000000010000000000000003 has already been removed", SlotInvalidated),
        ("session is read-only", SourceUnavailable),
    ],
)
def test_what_the_server_says_of_its_log(said, kind):
    assert type(explain(psycopg.OperationalError(f"ERROR:  {said}\nDETAIL:  more"), SETTINGS)) is kind


class Server:
    """A connection to a server of a version."""

    def __init__(self, version: int) -> None:
        self.info = SimpleNamespace(server_version=version)

    async def execute(self, query: str) -> Any:
        assert query == "show wal_level"
        return self

    async def fetchone(self) -> tuple[str]:
        return ("logical",)


async def test_slots_come_along_from_version_17_on():
    asked = PostgresSettings("db", "shop", "cdc", "prefix", slot_failover=True)
    await check_server(Server(170_000), asked)  # type: ignore[arg-type]
    await check_server(Server(160_011), SETTINGS)  # type: ignore[arg-type]
    with pytest.raises(
        SourceRefused, match=r"slot\.failover=true needs PostgreSQL 17 or later, and this server is version 16"
    ):
        await check_server(Server(160_011), asked)  # type: ignore[arg-type]
