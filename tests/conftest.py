"""Real servers and fresh databases for every test; other fixtures live in `tests/support`, one plugin a theme.

A server that `python -m cdc.testing up` left running is used as it is, unless `CDC_TEST_REUSE=0`; else each session starts
its own, at the first test that asks for it. Of several processes (pytest-xdist) each is a session: what a test does to the
servers that it shares, no other process sees.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from importlib import metadata
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

from cdc.testing import servers
from cdc.testing.servers import Address, choice, standing
from tests.support import mysql_database as on_mysql
from tests.support.database import Database, created, dropped

# How long an example takes says more about the machine's load than about the code.
settings.register_profile("cdc", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("cdc")


def pytest_report_header() -> str:
    versions = [f"{name} {servers.version(name)}" for name in choice.NAMES]
    return f"servers: {', '.join(versions)}; Cython {metadata.version('Cython')}"


def _server(name: str) -> Iterator[Address]:
    found = standing.find(name) if _reuses_servers() else None
    if found is not None:
        yield found
        return
    with servers.create(name) as server:
        yield server.address


def _reuses_servers() -> bool:
    first = os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0"
    return first and os.environ.get("CDC_TEST_REUSE") != "0"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep reports in Unicode, which is all that pytest-xdist can send: some tests print what is none."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(scope="session")
def postgres() -> Iterator[Address]:
    """The session's PostgreSQL; a test that stops or kills it starts its own `PostgresServer`."""
    yield from _server("postgres")


@pytest.fixture(scope="session")
def kafka() -> Iterator[Address]:
    """The session's Kafka; a test that stops or kills it starts its own `KafkaServer`."""
    yield from _server("kafka")


@pytest.fixture(scope="session")
def mysql() -> Iterator[Address]:
    """The session's MySQL; a test that stops or kills it, or sets global variables, starts its own `MySqlServer`."""
    yield from _server("mysql")


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Address]:
    """The session's MariaDB; a test that stops or kills it, or sets global variables, starts its own `MariaDbServer`."""
    yield from _server("mariadb")


@pytest.fixture
def database(postgres: Address) -> Iterator[Database]:
    """A new, empty database; it is dropped with its slots after the test, whoever is still connected."""
    fresh = created(postgres)
    try:
        yield fresh
    finally:
        dropped(fresh)


@pytest.fixture
def mysql_database(mysql: Address) -> Iterator[on_mysql.MySqlDatabase]:
    """A new, empty database on MySQL; it is dropped after the test, whoever is still connected."""
    yield from _on_mysql(mysql)


@pytest.fixture
def mariadb_database(mariadb: Address) -> Iterator[on_mysql.MySqlDatabase]:
    """A new, empty database on MariaDB; it is dropped after the test, whoever is still connected."""
    yield from _on_mysql(mariadb)


def _on_mysql(server: Address) -> Iterator[on_mysql.MySqlDatabase]:
    fresh = on_mysql.created(server)
    try:
        yield fresh
    finally:
        on_mysql.dropped(fresh)


@pytest.fixture
def topic_prefix() -> str:
    """A topic prefix, connector name or transactional id that no other test has."""
    return f"t{uuid4().hex[:10]}"
