"""What is in the shop's database: filled at the beginning, and counted."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg import sql

from cdc.testing.shop.ledger import Ledger, Row
from cdc.testing.shop.schema import FILL, TABLES
from cdc.testing.shop.trade import Order, Stock

Connection = psycopg.AsyncConnection[tuple[Any, ...]]

_ORDERS: Final = """
select o.status, o.id::text, o.total, l.numbers, l.skus, p.id::text
from orders o
join (select order_id, array_agg(line_no order by line_no) as numbers, array_agg(sku order by line_no) as skus
      from order_lines group by order_id) l on l.order_id = o.id
left join payments p on p.order_id = o.id
order by o.placed_at
"""


async def fill(url: str, ledger: Ledger) -> Stock:
    """Fill the empty tables, begin the ledger with their rows, and return what the shop has now."""
    async with await connect(url) as connection:
        await connection.execute(FILL)
        for table in TABLES:
            ledger.begin(await _rows(connection, table))
        return await _stock(connection)


async def present_rows(url: str) -> dict[Row, int]:
    """Return the rows that are in the database now, with their versions."""
    async with await connect(url) as connection:
        return {row: version for table in TABLES for row, version in await _rows(connection, table)}


async def connect(url: str) -> AbstractAsyncContextManager[Connection]:
    """Open a connection in autocommit, which its context closes."""
    return await psycopg.AsyncConnection.connect(url, autocommit=True)


async def _rows(connection: Connection, table: str) -> Iterable[tuple[Row, int]]:
    names = sql.SQL(", ").join(map(sql.Identifier, TABLES[table]))
    cursor = await connection.execute(sql.SQL("select version, {} from {}").format(names, sql.Identifier(table)))
    return [((table, tuple(map(_part, key))), version) for version, *key in await cursor.fetchall()]


def _part(value: str | int | UUID) -> str | int:
    """Return a part of a key as it stands in an envelope."""
    return str(value) if isinstance(value, UUID) else value


async def _stock(connection: Connection) -> Stock:
    stock = Stock()
    stock.customers += [number for (number,) in await _all(connection, "select id from customers order by id")]
    stock.products += [sku for (sku,) in await _all(connection, "select sku from products order by sku")]
    queues = {"placed": stock.placed, "paid": stock.paid, "shipped": stock.shipped}
    for status, number, total, lines, skus, payment in await _all(connection, _ORDERS):
        queues[status].append(Order(number, total, tuple(zip(lines, skus, strict=True)), payment or ""))
    return stock


async def _all(connection: Connection, query: LiteralString) -> list[tuple[Any, ...]]:
    return await (await connection.execute(query)).fetchall()
