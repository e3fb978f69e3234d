"""Millions of damaged events through the decoders of the binlog; see `test_fuzz.py` for how many, and for AddressSanitizer."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from typing import Any

import pytest

from cdc.errors import CdcError
from cdc.model.batch import ChangeBatch
from cdc.sources.mysql.binlog_decoder import BinlogDecoder
from cdc.sources.mysql.compression import expand_rows
from cdc.sources.mysql.events import parse_event
from cdc.sources.mysql.handling import ValueHandling
from cdc.sources.mysql.payload import inner_events
from cdc.sources.mysql.table_map import parse_table_map
from tests.support import binlog
from tests.support.mysql_kinds import KINDS
from tests.support.mysql_rows import bound, decode, definition, row_events
from tests.unit.sources.mysql.test_binlog_decoder import TRANSACTION, XID, feed, gtid, placed, query
from tests.unit.sources.mysql.test_events import EVENTS, payload

pytestmark = [pytest.mark.reliability, pytest.mark.timeout(0)]

INPUTS = int(os.environ.get("CDC_FUZZ_INPUTS", "1000000"))
SEED = int(os.environ.get("CDC_FUZZ_SEED", "1"))
INNER = b"".join(placed(*TRANSACTION[1:]))
PAYLOADS = [payload(INNER, kind=255), payload(INNER)]
WHOLES = [data for data, _ in EVENTS.values()] + PAYLOADS * 3
LONG_SECONDS = 1.0


def damaged(chance: random.Random, data: bytes, keep: int = 5) -> bytes:
    """Change, cut, insert or repeat bytes in a few places behind those that say the event's type."""
    found = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4))):
        at, how = chance.randrange(keep, max(keep + 1, len(found) + 1)), chance.random()
        if how < 0.6 and at < len(found):
            found[at] = chance.choice((0, 1, 127, 128, 250, 251, 252, 253, 254, 255, chance.randrange(256)))
        elif how < 0.75:
            found[at:at] = chance.randbytes(chance.randrange(1, 5))
        elif how < 0.9:
            del found[at : at + chance.choice((1, 1, 2, 9, len(found)))]
        else:
            found[at:at] = found[-20:]
    return bytes(found)


def survives(what: str, give: Callable[[random.Random], Any], take: Callable[[Any], object]) -> None:
    """Give `INPUTS` inputs, each of which is taken or refused with an error of ours, and soon."""
    chance, begun, refused, longest = random.Random(f"{SEED} {what}"), time.monotonic(), 0, 0.0
    for _ in range(INPUTS):
        given = give(chance)
        began = time.process_time()
        try:
            take(given)
        except CdcError:
            refused += 1
        except Exception as error:
            raise AssertionError(f"{given!r}: {error!r}") from error
        longest = max(longest, time.process_time() - began)
    print(f"\n{what}: {INPUTS:,} inputs in {time.monotonic() - begun:.0f} s, {100 * refused / INPUTS:.0f} % refused")
    assert longest < LONG_SECONDS


@pytest.mark.parametrize(
    "read", [parse_event, expand_rows, lambda event: list(inner_events(event))], ids=["parsed", "expanded", "inner"]
)
def test_single_events(read, request):
    survives(request.node.callspec.id, lambda chance: damaged(chance, chance.choice(WHOLES)), read)


def test_transactions():
    events = [*TRANSACTION, gtid(2), query(b"BEGIN"), *WHOLES, query(b"ROLLBACK"), query(b"XA START 'a'"), XID]

    def give(chance: random.Random) -> list[bytes]:
        found = list(TRANSACTION)
        for _ in range(chance.choice((1, 1, 2))):
            at = chance.randrange(len(found))
            found[at : at + chance.randrange(2)] = [damaged(chance, chance.choice((found[at], chance.choice(events))))]
        return placed(*found)

    survives("transactions", give, lambda given: feed(BinlogDecoder("log.000001", 4), given, ChangeBatch()))


async def test_rows_of_all_types(mysql_database):
    chance = random.Random(SEED)
    columns = ", ".join(f"c{at} {kind.name} null" for at, kind in enumerate(KINDS.values()))
    mysql_database.execute(f"create table t (id int primary key, {columns})")
    begin = binlog.log_end(mysql_database)
    marks = ", ".join(["%s"] * (1 + len(KINDS)))
    for number in range(8):
        values = [None if chance.random() < 0.2 else kind.value(chance) for kind in KINDS.values()]
        mysql_database.execute(f"insert into t values ({marks})", number, *values)
    mysql_database.execute("update t set id = id + 100, c0 = 1")
    mysql_database.execute("delete from t")
    events = await row_events(mysql_database, begin)
    bind = bound(definition(mysql_database, "t"), ValueHandling(), "null")
    maps = [event for event in events if event[4] == 19]
    rows = [event for event in events if event[4] != 19 and len(event) < 4000]
    assert len(decode(events, bind)) >= 24
    assert rows

    def give(chance: random.Random) -> list[bytes]:
        return [maps[0], damaged(chance, chance.choice(rows))]

    table = bind(parse_table_map(maps[0]))
    survives("rows", give, lambda given: decode(given, lambda _: table))
    survives("maps", lambda chance: damaged(chance, maps[0]), parse_table_map)
