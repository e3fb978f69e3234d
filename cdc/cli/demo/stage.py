"""The stage of the demo: the two servers, and the shop's database filled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from cdc.testing import servers
from cdc.testing.servers import Address, standing
from cdc.testing.shop.inventory import fill
from cdc.testing.shop.ledger import Ledger
from cdc.testing.shop.premises import Premises
from cdc.testing.shop.trade import Stock

#: The databases that the shop can be in, by the names of their servers.
PRODUCTS: Final = {"postgres": "PostgreSQL", "mysql": "MySQL"}


@dataclass(frozen=True, slots=True)
class Stage:
    """Where everything is, and what the shop has in stock."""

    premises: Premises
    stock: Stock
    kafka: Address


@dataclass(frozen=True, slots=True)
class _Server:
    address: Address
    own: bool


@asynccontextmanager
async def open_stage(ledger: Ledger, database: str, *, keep: bool) -> AsyncIterator[Stage]:
    """Provide the servers, that of the database by its name in `cdc.testing`, and the filled shop; afterwards what was started is stopped, and what was created is removed.

    Servers that `python -m cdc.testing up` left running are used as they are. With `keep` the servers are left running likewise, and
    everything stays. Raises ServerError (in a group) when a server does not start.
    """
    async with AsyncExitStack() as stack:
        async with asyncio.TaskGroup() as group:
            shop = group.create_task(_open_shop(stack, ledger, database, keep=keep))
            kafka = group.create_task(_server(stack, "kafka", keep=keep))
        premises, stock = shop.result()
        if not (kafka.result().own or keep):
            stack.push_async_callback(premises.remove_topics, kafka.result().address.url)
        yield Stage(premises, stock, kafka.result().address)


async def _open_shop(stack: AsyncExitStack, ledger: Ledger, database: str, *, keep: bool) -> tuple[Premises, Stock]:
    server = await _server(stack, database, keep=keep)
    premises = Premises.on(server.address)
    if not (server.own or keep):
        stack.push_async_callback(premises.remove)
    await premises.create()
    return premises, await fill(premises.url, ledger)


async def _server(stack: AsyncExitStack, name: str, *, keep: bool) -> _Server:
    if keep:
        return _Server(await asyncio.to_thread(standing.up, name), own=False)
    if (found := await asyncio.to_thread(standing.find, name)) is not None:
        return _Server(found, own=False)
    server = await asyncio.to_thread(servers.create, name)
    await stack.enter_async_context(server)
    return _Server(server.address, own=True)


def product_names(database: str) -> str:
    """Return which versions of which servers the demo runs on."""
    return f"{PRODUCTS[database]} {servers.version(database)} and Kafka {servers.version('kafka')}"
