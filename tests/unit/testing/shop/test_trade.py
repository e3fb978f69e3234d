"""The shop's transactions: planned without a database, and such that each change can be told from every other."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from decimal import Decimal

import pytest
from psycopg import sql

from cdc.testing.shop.deed import Deed
from cdc.testing.shop.ledger import Change, Ledger
from cdc.testing.shop.schema import TABLES
from cdc.testing.shop.trade import Order, Stock, Trade


@pytest.fixture
def ledger():
    ledger = Ledger()
    lines = [(("order_lines", ("o1", n)), 0) for n in (1, 2)]
    ledger.begin([(("customers", (n,)), 0) for n in range(1, 4)])
    ledger.begin([(("products", (f"SKU-{n}",)), 0) for n in range(20)])
    ledger.begin([(("orders", ("o1",)), 0), (("payments", ("p1",)), 0), *lines])
    return ledger


@pytest.fixture
def stock():
    stock = Stock(customers=[1, 2, 3], products=[f"SKU-{n}" for n in range(20)])
    stock.shipped.append(Order("o1", Decimal(20), ((1, "SKU-1"), (2, "SKU-2")), "p1"))
    return stock


def trade(stock, ledger, seed=7):
    return Trade(stock, ledger, random.Random(seed))


def perform(shop, ledger, times):
    """Let so many transactions commit, but for the abandoned; return the changes."""
    changes = []
    for _ in range(times):
        deed = shop.next()
        assert deed.changes
        if not deed.abandoned:
            ledger.commit(deed.changes)
            deed.finish()
            changes += deed.changes
    return changes


def test_every_change_is_told_from_every_other(stock, ledger):
    changes = perform(trade(stock, ledger), ledger, 3000)
    assert max(Counter(changes).values()) == 1


def test_all_kinds_of_changes_occur(stock, ledger):
    changes = perform(trade(stock, ledger), ledger, 3000)
    seen = {(change.table, change.op) for change in changes}
    expected = {(table, op) for table in TABLES for op in "cud"} - {
        ("products", "c"),
        ("products", "d"),
        ("order_lines", "u"),
        ("payments", "u"),
    }
    assert seen == expected


def test_the_shop_does_not_grow_without_end(stock, ledger):
    shop = trade(stock, ledger)
    perform(shop, ledger, 3000)
    rows = len(ledger.rows)
    perform(shop, ledger, 9000)
    assert len(ledger.rows) < 1.5 * rows + 200


def test_an_abandoned_transaction_changes_nothing_in_the_shop(stock, ledger):
    shop = trade(stock, ledger)
    abandoned = 0
    for _ in range(500):
        before = [list(queue) for queue in (stock.placed, stock.paid, stock.shipped, stock.visitors)]
        deed = shop.next()
        if deed.abandoned:
            abandoned += 1
            assert before == [list(queue) for queue in (stock.placed, stock.paid, stock.shipped, stock.visitors)]
        else:
            ledger.commit(deed.changes)
            deed.finish()
    assert 0 < abandoned < 50


def text(deed):
    return [query.as_string(None) for query, _ in deed.statements]


def test_statements_carry_key_values_and_version():
    deed = Deed({}, itertools.count(5))
    deed.insert("order_lines", ("o", 1), sku="S", price=Decimal("1.50"))
    deed.update("products", ("S",), stock=sql.SQL("stock - 1"), on_sale=False)
    deed.delete("order_lines", ("o", 1))
    assert text(deed) == [
        'insert into "order_lines" ("order_id", "line_no", "sku", "price", "version") values (%s, %s, %s, %s, %s)',
        'update "products" set "stock" = stock - 1, "on_sale" = %s, "version" = %s where "sku" = %s',
        'delete from "order_lines" where "order_id" = %s and "line_no" = %s',
    ]
    assert [values for _, values in deed.statements] == [("o", 1, "S", Decimal("1.50"), 5), (False, 6, "S"), ("o", 1)]
    assert deed.changes == [
        Change("order_lines", ("o", 1), "c", 5),
        Change("products", ("S",), "u", 6),
        Change("order_lines", ("o", 1), "d", 5),
    ]


def test_a_delete_removes_the_version_that_is_there():
    deed = Deed({("customers", (1,)): 41}, itertools.count(50))
    deed.delete("customers", (1,))
    assert deed.changes == [Change("customers", (1,), "d", 41)]


def test_what_comes_afterwards_comes_on_finish_alone():
    done = []
    deed = Deed({}, itertools.count())
    deed.then(lambda: done.append(1))
    assert not done
    deed.finish()
    assert done == [1]
