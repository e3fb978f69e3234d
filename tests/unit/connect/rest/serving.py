"""Servers on real sockets, for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from cdc.connect.herder import Herder
from cdc.connect.rest.server import RestServer
from cdc.connect.rest.settings import RestSettings

ANY_PORT = "http://127.0.0.1:0"


@asynccontextmanager
async def serving(herder: Herder, **settings: Any) -> AsyncIterator[RestServer]:
    server = RestServer(herder, RestSettings(**{"listeners": (ANY_PORT,), **settings}))
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
