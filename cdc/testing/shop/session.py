"""What the shop asks of a database: the contract that PostgreSQL and MySQL fulfil."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from psycopg import sql

from cdc.testing.shop.deed import by_key
from cdc.testing.shop.ledger import Change


class Session(Protocol):
    """A connection of the shop, in autocommit outside `transaction`; one task at a time.

    Statements are standard SQL with names in double quotes; `%s` stands for a value. When the connection is lost, methods raise
    one of the database's `BROKEN`.
    """

    @property
    def closed(self) -> bool:
        """Whether the connection is known to be lost, or was closed."""

    async def run(self, query: sql.Composable | str, values: Sequence[Any] = ()) -> int:
        """Run a statement, or several without values; return how many rows the last one changed."""

    async def rows(self, query: sql.Composable | str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a query and return its rows."""

    def transaction(self, *, abandoned: bool) -> AbstractAsyncContextManager[None]:
        """Begin a transaction, and commit it at the end; roll it back if it is abandoned or an error comes out."""

    async def xid(self) -> int | None:
        """Return the number of the transaction, where the log's position names it too; None elsewhere."""

    async def has_committed(self, xid: int | None, change: Change) -> bool | None:
        """Tell what became of a transaction of another session by its last change; None: it may still run."""

    async def close(self) -> None:
        """Close the connection; it may be lost."""


class Database(Protocol):
    """A kind of database that the shop can be in."""

    BROKEN: tuple[type[Exception], ...]
    CREATE: str
    FILL: str

    async def connect(self, url: str) -> Session:
        """Open a session; raises one of `BROKEN` when there is no server."""


async def is_there(session: Session, change: Change, *, lock: bool = False) -> bool:
    """Tell whether a change is in the database; nobody else changes its rows. `lock` waits for whoever is changing the row."""
    query = sql.SQL("select version from {} where {}").format(sql.Identifier(change.table), by_key(change.table))
    rows = await session.rows(query + sql.SQL(" for update") if lock else query, change.key)
    return not rows if change.op == "d" else rows == [(change.version,)]
