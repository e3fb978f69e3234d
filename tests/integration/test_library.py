"""`PostgresSource`: committed transactions in Python, from where the last acknowledged one ended."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from cdc import ABSENT, UNAVAILABLE, FileOffsetStore, MemoryOffsetStore, PostgresSource
from cdc.config import TimeMode
from cdc.errors import ConfigError, SourceLost, SourceRefused, SourceUnavailable

SECONDS = 20
ORDERS = (
    "create table orders (id int primary key, total numeric(10,2), placed date); insert into orders values (1, 12.50)"
)


@pytest.fixture
def open_source(database):
    """Make a source of the test's database, whose slot ends with it."""
    database.execute(ORDERS)

    def source(**options):
        given = {"slot": database.name, "tables": [r"public\.orders"], "offsets": MemoryOffsetStore(), **options}
        return PostgresSource(database.url, **given)

    return source


async def take(source, count, *, ack=True):
    """Return what the next transactions of a source hold, as (op, id) pairs."""
    taken = []
    async with asyncio.timeout(SECONDS):
        async for transaction in source:
            taken.append([(change.op, change.key["id"]) for change in transaction])
            if ack:
                await transaction.ack()
            if len(taken) == count:
                return taken
    raise AssertionError("the stream ended")


async def test_the_snapshot_comes_first_and_then_each_commit(open_source, database):
    async with open_source() as source:
        database_is_changed = False
        seen = []
        async with asyncio.timeout(SECONDS):
            async for transaction in source:
                seen.append((transaction.snapshot, len(transaction), [change.op for change in transaction]))
                assert (transaction.committed_at is None) == transaction.snapshot
                if not database_is_changed:
                    database.execute(
                        "insert into orders values (2, 1), (3, 1); update orders set total = 2 where id = 2"
                    )
                    database.execute("delete from orders where id = 3")
                    database_is_changed = True
                if len(seen) == 3:
                    break
    assert seen == [(True, 1, ["r"]), (False, 3, ["c", "c", "u"]), (False, 1, ["d"])]


async def test_without_a_snapshot_only_changes_come(open_source, database):
    async with open_source(snapshot=False) as source:
        database.execute("insert into orders values (2, 1)")
        assert await take(source, 1) == [[("c", 2)]]


async def test_what_was_acknowledged_does_not_come_again(open_source, database, tmp_path):
    offsets = FileOffsetStore(tmp_path / "offsets")
    async with open_source(offsets=offsets) as source:
        assert await take(source, 1) == [[("r", 1)]]
    database.execute("insert into orders values (2, 1)")
    async with open_source(offsets=offsets) as source:
        assert await take(source, 1) == [[("c", 2)]]


async def test_what_was_not_acknowledged_comes_again(open_source, database, tmp_path):
    offsets = FileOffsetStore(tmp_path / "offsets")
    async with open_source(offsets=offsets) as source:
        await take(source, 1)
    database.execute("insert into orders values (2, 1)")
    database.execute("insert into orders values (3, 1)")
    for _ in range(2):
        async with open_source(offsets=offsets) as source:
            assert await take(source, 2, ack=False) == [[("c", 2)], [("c", 3)]]


async def test_without_an_acknowledgement_the_snapshot_comes_again(open_source):
    offsets = MemoryOffsetStore()
    for _ in range(2):
        async with open_source(offsets=offsets) as source:
            assert await take(source, 1, ack=False) == [[("r", 1)]]


async def one_change(source):
    async with asyncio.timeout(SECONDS):
        async for transaction in source:
            return list(transaction)
    raise AssertionError("the stream ended")


async def test_values_are_those_of_the_schema(open_source):
    async with open_source() as source:
        (change,) = await one_change(source)
    assert change.after == {"id": 1, "total": Decimal("12.50"), "placed": None}
    assert (change.key, change.before, str(change.table)) == ({"id": 1}, None, "public.orders")


async def test_settings_change_how_values_appear(open_source, database):
    database.execute("update orders set placed = '2024-02-03'")
    for options, expected in (({}, 19756), ({"time_mode": TimeMode.ISOSTRING}, "2024-02-03Z")):
        async with open_source(**options) as source:
            (change,) = await one_change(source)
        assert change.after["placed"] == expected


async def test_a_changed_key_is_a_delete_and_a_create(open_source, database):
    async with open_source(snapshot=False) as source:
        database.execute("update orders set id = 9")
        before, after = await one_change(source)
    assert [(change.op, change.key) for change in (before, after)] == [("d", {"id": 1}), ("c", {"id": 9})]
    assert before.before == {"id": 1, "total": ABSENT, "placed": ABSENT}


async def test_a_large_value_that_did_not_change_is_unavailable(open_source, database):
    database.execute("alter table orders add note text; alter table orders alter note set storage external")
    database.execute("update orders set note = repeat('x', 10000)")
    async with open_source(snapshot=False) as source:
        database.execute("update orders set total = 3")
        (change,) = await one_change(source)
    assert change.after["note"] is UNAVAILABLE


async def test_a_second_loop_goes_on_where_the_first_was_left(open_source, database):
    async with open_source() as source:
        database.execute("insert into orders values (2, 1)")
        assert await take(source, 1) == [[("r", 1)]]
        assert await take(source, 1) == [[("c", 2)]]


class OursError(Exception):
    pass


async def test_an_error_in_the_block_goes_on_as_it_is(open_source):
    with pytest.raises(OursError):
        async with open_source():
            raise OursError


async def stream_and_break(source, database, then):
    """Bring a source to streaming, end its connection at the server, and do something else."""
    async with source:
        database.execute("insert into orders values (2, 1)")
        await take(source, 2)
        query = "select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = %s"
        database.execute(query, database.name)
        await then()


async def test_a_broken_connection_is_one_plain_error(open_source, database):
    source = open_source()
    with pytest.raises(SourceUnavailable, match="terminating connection"):
        await stream_and_break(source, database, lambda: take(source, 1))


async def test_a_connection_that_breaks_meanwhile_ends_the_block(open_source, database):
    source = open_source(status_update_interval=0.05)
    with pytest.raises(SourceUnavailable):
        await stream_and_break(source, database, lambda: asyncio.sleep(SECONDS))


async def test_a_slot_that_is_gone_is_a_loss(open_source, database):
    offsets = MemoryOffsetStore()
    async with open_source(offsets=offsets) as source:
        await take(source, 1)
    database.execute("select pg_drop_replication_slot(%s)", database.name)
    with pytest.raises(SourceLost, match="does not exist") as caught:
        await open_source(offsets=offsets).__aenter__()
    assert "snapshot" in caught.value.remedy


async def test_a_pattern_that_matches_no_table_is_refused(open_source):
    with pytest.raises(SourceRefused, match=r"tables there: public\.orders"):
        await open_source(tables=["public.order"]).__aenter__()


def test_a_connection_string_without_host_is_a_mistake():
    with pytest.raises(ConfigError, match="does not name the host") as caught:
        PostgresSource("dbname=shop user=ann", slot="s")
    assert "host=" in caught.value.remedy
