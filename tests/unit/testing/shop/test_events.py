"""An envelope is read back into the change that the ledger knows."""

from __future__ import annotations

import orjson
import pytest

from cdc.testing.shop.events import read_event
from cdc.testing.shop.ledger import Change

OLD = {"order_id": "a-b", "line_no": 2, "quantity": 1, "version": 3}
NEW = {**OLD, "quantity": 4, "version": 9}


def envelope(op, before, after):
    return orjson.dumps({"op": op, "before": before, "after": after, "source": {"ts_us": 77}})


@pytest.mark.parametrize(
    ("op", "before", "after", "version"),
    [("r", None, OLD, 3), ("c", None, OLD, 3), ("u", OLD, NEW, 9), ("d", OLD, None, 3)],
)
def test_the_change_is_that_of_the_row(op, before, after, version):
    event = read_event("shop_1.public.order_lines", envelope(op, before, after))
    assert event.change == Change("order_lines", ("a-b", 2), op, version)
    assert (event.before, event.after, event.commit_us) == (before, after, 77)
