"""Streams of MySQL's and MariaDB's events, some of which are damaged, through the decoder of the binlog; see `test_fuzz`."""

from __future__ import annotations

from random import Random

import pytest

from cdc.errors import ConfigError
from cdc.model.batch import ChangeBatch
from cdc.sources.marks import TransactionMarks
from cdc.sources.mysql.binlog.position import Partial
from cdc.sources.mysql.binlog.table_map import parse_table_map
from cdc.sources.mysql.stream.binlog_decoder import BinlogDecoder
from cdc.sources.mysql.stream.executed import Executed
from cdc.sources.mysql.stream.rows import BoundTable
from tests.reliability.test_mysql_fuzz import COMPRESSED_ROWS, HEADER, PAYLOADS, SINGLE, seen
from tests.support.fuzzing import INPUTS, Damage, counted, survives
from tests.support.mysql_rows import NO_LIMIT
from tests.support.mysql_wide_table import ROWS, WIDE, bound
from tests.unit.sources.mysql import row_events as r
from tests.unit.sources.mysql import wire
from tests.unit.sources.mysql.test_binlog_decoder import SID, TRANSACTION, XID, gtid, placed, query
from tests.unit.sources.mysql.test_events import EVENTS, payload
from tests.unit.sources.mysql.test_rows import MAP, ONE, TWO, plan

pytestmark = [pytest.mark.reliability, pytest.mark.timeout(0)]

WRITE, UPDATE = r.rows(30, 3, ONE, TWO), r.rows(31, 3, ONE, TWO)
BEGIN, XA = query(b"BEGIN"), b"X'6162',X'63',7"
MYSQL = [
    wire.format_description()[:-4],
    EVENTS["previous_gtids"][0],
    *TRANSACTION,
    *(gtid(2), BEGIN, WIDE, ROWS[2], WIDE, ROWS[-1], query(b"SAVEPOINT `a`"), MAP, UPDATE),
    *(query(b"ROLLBACK TO `a`"), EVENTS["rows_query"][0], MAP, r.rows(32, 3, ONE), XID),
    *(EVENTS["tagged"][0], query(b"create table x (a int)")),
    *(gtid(3), payload(b"".join(placed(BEGIN, MAP, WRITE, XID)))),
    EVENTS["heartbeat"][0],
    *(EVENTS["anonymous"][0], query(b"XA START " + XA), MAP, WRITE, query(b"XA END " + XA), EVENTS["xa_prepare"][0]),
    *(gtid(4), query(b"XA START " + XA), MAP, WRITE, query(b"XA END " + XA)),
    EVENTS["xa_prepare"][0][:19] + b"\0" + EVENTS["xa_prepare"][0][20:],
    *(gtid(5), query(b"XA COMMIT " + XA)),
    *(gtid(6), BEGIN, MAP, WRITE, query(b"ROLLBACK")),
    EVENTS["stop"][0],
]
MARIADB = [
    wire.format_description()[:-4],
    EVENTS["mariadb_gtid_list"][0],
    EVENTS["checkpoint"][0],
    EVENTS["encryption"][0],
    *(EVENTS["mariadb_gtid"][0], EVENTS["annotate_rows"][0], MAP, COMPRESSED_ROWS[0], XID),
    *(EVENTS["mariadb_gtid of xa"][0], MAP, WRITE, EVENTS["xa_prepare"][0]),
    *(EVENTS["mariadb_gtid"][0], MAP, COMPRESSED_ROWS[3], EVENTS["query_compressed"][0], XID),
]
OTHERS = [*SINGLE, *PAYLOADS, *COMPRESSED_ROWS]


class Reader:
    """Does what the stream of a connector does with a decoder, in short."""

    def __init__(self, decoder: BinlogDecoder, most: int, wide: BoundTable | None) -> None:
        self.decoder, self._most, self._wide = decoder, most, wide
        self._batch = ChangeBatch()

    def read(self, events: list[bytes]) -> None:
        """Decode events, in batches of so many rows."""
        at = 0
        for _ in range(100 + 40 * len(events)):
            if at == len(events):
                return
            at = self.decoder.feed("log.000001", 0, events, at, self._batch, self._most, NO_LIMIT)
            self._go_on(full=at < len(events))
        raise AssertionError("the decoder does not come to the end")

    def _go_on(self, *, full: bool) -> None:
        decoder = self.decoder
        if decoder.unresolved is not None:
            decoder.bind(self._bound(decoder.unresolved))
        elif decoder.statement is not None:
            decoder.end_statement(self._batch)
        elif decoder.prepared is not None:
            self._end_prepared(one_phase=decoder.prepared.one_phase)
        elif full:
            self.cut()

    def _bound(self, event: bytes) -> BoundTable | None:
        if event[27:] == MAP[27:]:
            return BoundTable(parse_table_map(event), plan())
        return self._wide if event[27:] == WIDE[27:] else bound(event)

    def _end_prepared(self, *, one_phase: bool) -> None:
        held = self.decoder.held.take()
        if not one_phase:
            self.decoder.end_prepared(self._batch)
            return
        self.decoder.begin_held(self._batch)
        self.read(held)
        self.decoder.commit(self._batch)

    def cut(self) -> None:
        seen(self._batch)
        self.decoder.cut()
        self._batch = ChangeBatch()


def decoder_of(random: Random) -> BinlogDecoder:
    """Return a decoder as one configuration and one stored position want it."""
    parts = [Partial(3, 1, f"{SID}:2", ordinal=1), Partial(gtid=f"{SID}:1", ordinal=2), Partial(2, 1, ordinal=1)]
    return BinlogDecoder(
        "log.000001",
        4,
        random.choice((None, *parts)),
        random.choice((None, lambda uuid: uuid < "b")),
        random.choice(("", "", "cud", "d", "t")),
        TransactionMarks("marks", {}, marks=random.random() < 0.5),
        queries=random.random() < 0.5,
        catch_up=random.choice((None, None, None, ("log.000001", 1000))),
        each_transaction=random.random() < 0.2,
    )


def stored_again(decoder: BinlogDecoder, *, mariadb: bool) -> None:
    """Make sure that what goes into an offset can be read from it."""
    assert min(decoder.place.begin_position, decoder.place.resume_position) >= 0
    executed = Executed.parse("", mariadb=mariadb)
    executed.add(decoder.committed.take())
    try:
        found = Executed.parse(executed.text, mariadb=mariadb)
    except ConfigError as error:
        raise AssertionError(executed.text) from error
    assert found.text == executed.text


def streamed(events: list[bytes], decoder: BinlogDecoder, most: int, wide: BoundTable | None) -> None:
    reader = Reader(decoder, most, wide)
    try:
        reader.read(events)
    finally:
        reader.cut()
        stored_again(decoder, mariadb=EVENTS["mariadb_gtid_list"][0] in events)


def spoiled(whole: list[bytes], damage: Damage) -> list[bytes]:
    """Damage one or two events, so that much is decoded before and behind them, or put one elsewhere."""
    events, random = list(whole), damage.random
    for _ in range(random.choice((1, 1, 2))):
        place, how = random.randrange(len(events)), random.random()
        if how < 0.7:
            events[place] = damage.of(events[place])
        elif how < 0.8:
            events[place] = damage.any()
        elif how < 0.9:
            events.insert(random.randrange(len(events)), events.pop(place))
        else:
            events.insert(place, random.choice(events))
    return events[random.randrange(len(events)) :] if random.random() < 0.3 else events


@pytest.mark.parametrize("kind", ["MySQL", "MariaDB"])
def test_streams(kind, capsys):
    whole = placed(*(MYSQL if kind == "MySQL" else MARIADB))
    damage, wide = Damage([*whole, *OTHERS], f"streams of {kind}", HEADER), bound(WIDE)
    assert survives(lambda: streamed(whole, BinlogDecoder("log.000001", 4), NO_LIMIT, wide), whole)

    def one() -> bool:
        events, decoder = spoiled(whole, damage), decoder_of(damage.random)
        most = damage.random.choice((1, 3, NO_LIMIT))
        return survives(lambda: streamed(events, decoder, most, wide), events)

    counted(f"streams of {kind}, of {len(whole)} events", one, capsys, INPUTS // 8)
