"""What is in the shop's database: filled at the beginning, and counted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final
from uuid import UUID

from psycopg import sql

from cdc.testing.shop.databases import connected, kind_of
from cdc.testing.shop.ledger import Ledger, Row
from cdc.testing.shop.schema import TABLES
from cdc.testing.shop.session import Session
from cdc.testing.shop.trade import Order, Stock

_ORDERS: Final = """
select o.status, o.id, o.total, p.id
from orders o left join payments p on p.order_id = o.id
order by o.placed_at
"""


async def fill(url: str, ledger: Ledger) -> Stock:
    """Fill the empty tables, begin the ledger with their rows, and return what the shop has now."""
    async with connected(url) as session:
        await session.run(kind_of(url).FILL)
        for table in TABLES:
            ledger.begin(await _rows(session, table))
        return await _stock(session)


async def present_rows(url: str) -> dict[Row, int]:
    """Return the rows that are in the database now, with their versions."""
    async with connected(url) as session:
        return {row: version for table in TABLES for row, version in await _rows(session, table)}


async def _rows(session: Session, table: str) -> Iterable[tuple[Row, int]]:
    names = sql.SQL(", ").join(map(sql.Identifier, TABLES[table]))
    rows = await session.rows(sql.SQL("select version, {} from {}").format(names, sql.Identifier(table)))
    return [((table, tuple(map(_part, key))), version) for version, *key in rows]


def _part(value: str | int | UUID) -> str | int:
    """Return a part of a key as it stands in an envelope."""
    return str(value) if isinstance(value, UUID) else value


async def _stock(session: Session) -> Stock:
    stock = Stock()
    stock.customers += [number for (number,) in await session.rows("select id from customers order by id")]
    stock.products += [sku for (sku,) in await session.rows("select sku from products order by sku")]
    lines = defaultdict(list)
    for order, line, sku in await session.rows("select order_id, line_no, sku from order_lines order by line_no"):
        lines[order].append((line, sku))
    queues = {"placed": stock.placed, "paid": stock.paid, "shipped": stock.shipped}
    for status, order, total, payment in await session.rows(_ORDERS):
        queues[status].append(Order(str(order), total, tuple(lines[order]), str(payment or "")))
    return stock
