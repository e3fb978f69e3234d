"""Which kind of database a URL is of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from cdc.testing.shop import on_mysql, on_postgres
from cdc.testing.shop.session import Database, Session

KINDS: dict[str, Database] = {"postgresql": on_postgres, "mysql": on_mysql}


def kind_of(url: str) -> Database:
    """Return the kind of database that a URL's scheme names: `postgresql` or `mysql`."""
    return KINDS[urlsplit(url).scheme]


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Session]:
    """Open a session, which its context closes."""
    session = await kind_of(url).connect(url)
    try:
        yield session
    finally:
        await session.close()
