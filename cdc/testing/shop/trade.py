"""What goes on in the shop: which transaction comes next, and what it does."""

from __future__ import annotations

import itertools
import random
import uuid
from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal

from psycopg import sql
from psycopg.types.json import Jsonb

from cdc.testing.shop.deed import Deed
from cdc.testing.shop.ledger import Ledger

CITIES = ("Lisbon", "Oslo", "Kraków", "Lagos", "Kyoto", "Quito", "Perth")
NAMES = ("Ada Okafor", "Grace Novak", "Alan Silva", "Radia Tanaka", "Edgar Müller")
NOTES = (None, None, "leave at the door", "a gift: wrap it, please", 'ring twice: the bell is "shy"')
#: The share of the transactions that are rolled back.
ABANDONED = 0.03


@dataclass(frozen=True, slots=True)
class Order:
    """An order as the shop remembers it; `lines` holds (line number, sku), `payment` the payment's id."""

    id: str
    total: Decimal
    lines: tuple[tuple[int, str], ...]
    payment: str = ""


@dataclass(slots=True)
class Stock:
    """Who and what there is: as it was at the beginning, and as the committed transactions have made it."""

    customers: list[int] = field(default_factory=list)
    products: list[str] = field(default_factory=list)
    visitors: deque[int] = field(default_factory=deque)
    placed: deque[Order] = field(default_factory=deque)
    paid: deque[Order] = field(default_factory=deque)
    shipped: deque[Order] = field(default_factory=deque)


class Trade:
    """Plans the shop's transactions, one at a time: each must be performed, or given up, before the next is planned."""

    def __init__(self, stock: Stock, ledger: Ledger, chance: random.Random) -> None:
        self._stock = stock
        self._ledger = ledger
        self._chance = chance
        self._numbers = itertools.count(1)
        self._customers = itertools.count(max(stock.customers, default=0) + 1)
        # As much leaves as comes, so that a shop that runs for days does not grow.
        self._kinds = {
            self._place: 24,
            self._pay: 22,
            self._ship: 22,
            self._archive: 22,
            self._cancel: 2,
            self._register: 4,
            self._leave: 4,
            self._move: 8,
            self._reprice: 5,
            self._restock: 4,
        }

    def next(self) -> Deed:
        """Return the next transaction; it has at least one change."""
        deed = Deed(self._ledger.rows, self._numbers)
        [kind] = self._chance.choices(list(self._kinds), list(self._kinds.values()))
        kind(deed)
        if not deed.changes:  # nobody was waiting for that
            self._place(deed)
        deed.abandoned = self._chance.random() < ABANDONED
        return deed

    def _place(self, deed: Deed) -> None:
        """Somebody orders one to four products, whose stock goes down."""
        skus = self._chance.sample(self._stock.products, self._chance.randint(1, 4))
        prices = [Decimal(self._chance.randint(500, 9_999)).scaleb(-2) for _ in skus]
        order = Order(self._uuid(), sum(prices, Decimal(0)), tuple(enumerate(skus, 1)))
        customer = self._chance.choice(self._stock.customers)
        note = self._chance.choice(NOTES)
        deed.insert("orders", (order.id,), customer_id=customer, status="placed", total=order.total, note=note)
        for (number, sku), price in zip(order.lines, prices, strict=True):
            deed.insert("order_lines", (order.id, number), sku=sku, quantity=1, price=price)
        for sku in sorted(skus):
            deed.update("products", (sku,), stock=sql.SQL("stock - 1"))
        deed.then(lambda: self._stock.placed.append(order))

    def _pay(self, deed: Deed) -> None:
        """The oldest order that waits for its payment gets it."""
        if not (placed := self._stock.placed):
            return
        order = Order(placed[0].id, placed[0].total, placed[0].lines, self._uuid())
        method = self._chance.choice(("card", "transfer", "invoice"))
        deed.insert("payments", (order.payment,), order_id=order.id, amount=order.total, method=method, accepted=True)
        deed.update("orders", (order.id,), status="paid")
        deed.then(placed.popleft)
        deed.then(lambda: self._stock.paid.append(order))

    def _ship(self, deed: Deed) -> None:
        if not (paid := self._stock.paid):
            return
        deed.update("orders", (paid[0].id,), status="shipped")
        deed.then(lambda: self._stock.shipped.append(paid.popleft()))

    def _archive(self, deed: Deed) -> None:
        """The oldest order that is done with leaves the database, with all that belongs to it."""
        if self._stock.shipped:
            self._remove(deed, self._stock.shipped[0])
            deed.then(self._stock.shipped.popleft)

    def _cancel(self, deed: Deed) -> None:
        """The newest order is taken back, and its products return to the stock."""
        if not (placed := self._stock.placed):
            return
        self._remove(deed, placed[-1])
        for sku in sorted(sku for _, sku in placed[-1].lines):
            deed.update("products", (sku,), stock=sql.SQL("stock + 1"))
        deed.then(placed.pop)

    def _remove(self, deed: Deed, order: Order) -> None:
        if order.payment:
            deed.delete("payments", (order.payment,))
        for number, _ in order.lines:
            deed.delete("order_lines", (order.id, number))
        deed.delete("orders", (order.id,))

    def _register(self, deed: Deed) -> None:
        number, name = next(self._customers), self._chance.choice(NAMES)
        email = f"{name.split()[0].lower()}{number}@example.com"
        deed.insert("customers", (number,), name=name, email=email, address=self._address())
        deed.then(lambda: self._stock.visitors.append(number))

    def _leave(self, deed: Deed) -> None:
        """A customer who never ordered anything closes the account."""
        if self._stock.visitors:
            deed.delete("customers", (self._stock.visitors[0],))
            deed.then(self._stock.visitors.popleft)

    def _move(self, deed: Deed) -> None:
        deed.update("customers", (self._chance.choice(self._stock.customers),), address=self._address())

    def _reprice(self, deed: Deed) -> None:
        price = Decimal(self._chance.randint(500, 9_999)).scaleb(-2)
        deed.update("products", (self._chance.choice(self._stock.products),), price=price)

    def _restock(self, deed: Deed) -> None:
        """A delivery arrives: several products in one transaction."""
        for sku in sorted(self._chance.sample(self._stock.products, 8)):
            deed.update("products", (sku,), stock=sql.SQL("stock + 25"), on_sale=True)

    def _address(self) -> Jsonb:
        street = f"{self._chance.randint(1, 90)} High Street"
        return Jsonb({"street": street, "city": self._chance.choice(CITIES)})

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._chance.getrandbits(128), version=4))
