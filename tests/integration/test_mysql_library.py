"""`MySqlSource`: committed transactions in Python, and definitions that fit the rows whatever is stored when the process ends."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from decimal import Decimal
from textwrap import dedent

import pytest

from cdc import ABSENT, FileOffsetStore, FileSchemaHistory, MemoryOffsetStore, MemorySchemaHistory, MySqlSource
from cdc.config import TimeMode
from cdc.errors import CdcError, ConfigError, HistoryUnreadable, SourceLost, SourceRefused, SourceUnavailable
from cdc.sources.mysql.source import MySqlLog
from cdc.testing.servers import MySqlServer
from cdc.testing.servers.certificates import make_authority
from tests.support.mysql_database import created, dropped

SECONDS = 12
ORDERS = "create table orders (id int primary key, total decimal(10,2), placed date); insert into orders values (1, 12.50, null)"


@pytest.fixture(params=["mysql", "mariadb"])
def database(request):
    """Lend a database with a table of orders, on each kind of server."""
    fresh = created(request.getfixturevalue(request.param), "library")
    fresh.execute(ORDERS)
    yield fresh
    dropped(fresh)


@pytest.fixture
def kept(tmp_path):
    """Where a source keeps what it must, so that another one goes on."""
    return {"offsets": FileOffsetStore(tmp_path / "offsets"), "history": FileSchemaHistory(tmp_path / "history")}


@pytest.fixture
def open_source(database):
    """Make a source of the test's database."""
    number = random.randrange(100_000, 1_000_000_000)

    def source(**options):
        return MySqlSource(database.url, **{"server_id": number, **options})

    return source


async def following(source, count, *, ack=True):
    """Return the next transactions of a source."""
    found = []
    async with asyncio.timeout(SECONDS):
        async for transaction in source:
            found.append(transaction)
            if ack:
                await transaction.ack()
            if len(found) == count:
                return found
    raise AssertionError("the stream ended")


def brief(transactions):
    return [[(change.op, change.key["id"]) for change in each] for each in transactions]


async def take(source, count, *, ack=True):
    """Return what the next transactions of a source hold, as (op, id) pairs."""
    return brief(await following(source, count, ack=ack))


async def rows(source, count, *, ack=True):
    """Return the rows behind the changes of the next transactions."""
    return [dict(change.after) for each in await following(source, count, ack=ack) for change in each]


async def test_the_snapshot_comes_first_and_then_each_commit(open_source, database):
    async with open_source() as source:
        (snapshot,) = await following(source, 1)
        database.execute(
            "begin; insert into orders values (2, 1, null), (3, 1, null); update orders set total = 2 where id = 2; commit"
        )
        database.execute("delete from orders where id = 3")
        changed, deleted = await following(source, 2)
    assert brief([snapshot, changed, deleted]) == [[("r", 1)], [("c", 2), ("c", 3), ("u", 2)], [("d", 3)]]
    assert [each.snapshot for each in (snapshot, changed, deleted)] == [True, False, False]
    assert snapshot.committed_at is None
    assert changed.committed_at <= deleted.committed_at
    assert changed.id != deleted.id


async def test_values_are_those_of_the_schema(open_source, database):
    database.execute("update orders set placed = '2024-02-03'")
    for options, placed in (({}, 19756), ({"time_mode": TimeMode.ISOSTRING}, "2024-02-03Z")):
        async with open_source(**options) as source:
            ((change,),) = await following(source, 1)
        assert change.after == {"id": 1, "total": Decimal("12.50"), "placed": placed}
        assert (change.key, change.before, str(change.table)) == ({"id": 1}, None, f"{database.name}.orders")


async def test_columns_that_a_minimal_image_lacks_are_absent(open_source, database):
    async with open_source(snapshot=False) as source:
        database.execute("set session binlog_row_image = minimal; update orders set total = 3")
        ((change,),) = await following(source, 1)
    assert change.after == {"id": 1, "total": Decimal("3.00"), "placed": ABSENT}
    assert (change.key, change.before["id"]) == ({"id": 1}, 1)


async def test_only_the_tables_that_are_named_come_and_no_empty_transactions(open_source, database):
    database.execute("create table other (id int primary key)")
    async with open_source(snapshot=False, tables=[rf"{database.name}\.orders"]) as source:
        database.execute("insert into other values (1)")
        database.execute("insert into orders values (2, 1, null)")
        assert await take(source, 1) == [[("c", 2)]]


async def test_a_truncate_is_a_transaction_if_it_is_wanted(open_source, database):
    async with open_source(snapshot=False, skipped_operations="") as source:
        database.execute("truncate orders")
        database.execute("insert into orders values (2, 1, null)")
        emptied, inserted = await following(source, 2)
    assert [change.op for change in emptied] == ["t"]
    assert (emptied.snapshot, brief([inserted])) == (False, [[("c", 2)]])


async def test_what_was_acknowledged_does_not_come_again_and_the_rest_does(open_source, database, kept):
    async with open_source(**kept) as source:
        await take(source, 1)
        for number in (2, 3, 4):
            database.execute("insert into orders values (%s, 1, null)", number)
        second, *_ = await following(source, 3, ack=False)  # they were read in one piece
        await second.ack()
    for _ in range(2):
        async with open_source(**kept) as source:
            assert await take(source, 2, ack=False) == [[("c", 3)], [("c", 4)]]


async def test_a_transaction_larger_than_a_batch_is_whole(open_source, database):
    numbers = ", ".join(f"({number}, 1, null)" for number in range(10, 12_010))
    async with open_source(snapshot=False) as source:
        database.execute(f"insert into orders values {numbers}")
        (transaction,) = await following(source, 1)
    assert len(transaction) == 12_000


async def test_distributed_transactions_and_a_restart_behind_them(open_source, database, kept):
    xid = f"'{database.name}'"
    async with open_source(snapshot=False, **kept) as source:
        database.execute(f"xa start {xid}; insert into orders values (2, 1, null); xa end {xid}; xa prepare {xid}")
        database.execute("insert into orders values (3, 1, null)")
        assert await take(source, 1) == [[("c", 3)]]
    database.execute(f"xa commit {xid}")
    database.execute("insert into orders values (4, 1, null)")
    async with open_source(**kept) as source:
        assert await take(source, 2) == [[("c", 2)], [("c", 4)]]


@pytest.fixture(scope="module")
def terse_mysql():
    """A MySQL whose log does not tell the names of columns, as is the default."""
    with MySqlServer(options={"binlog-row-metadata": "MINIMAL"}) as server:
        yield server.address


class TestDefinitions:
    """Rows are read by the definition that they were written under."""

    @pytest.fixture(params=["mysql", "mariadb", "terse_mysql"])
    def database(self, request):
        """Lend a database with a table of orders, also on a server whose log says less."""
        fresh = created(request.getfixturevalue(request.param), "library")
        fresh.execute(ORDERS)
        yield fresh
        dropped(fresh)

    async def test_a_change_between_transactions(self, open_source, database):
        async with open_source(snapshot=False) as source:
            database.execute("insert into orders values (2, 1, null)")
            database.execute("alter table orders drop total, add note text")
            database.execute("insert into orders values (3, null, 'x')")
            before, after = await rows(source, 2)
        assert list(before) == ["id", "total", "placed"]
        assert after == {"id": 3, "placed": None, "note": "x"}

    async def test_changes_while_it_was_down(self, open_source, database, kept):
        async with open_source(**kept) as source:
            await take(source, 1)
        database.execute("insert into orders values (2, 1, null)")
        database.execute("alter table orders rename column total to price, add note text first")
        database.execute("insert into orders values ('x', 3, 1, null)")
        database.execute("alter table orders drop price")
        database.execute("insert into orders values ('y', 4, null)")
        for _ in range(2):  # the second time, the history is ahead of the offset
            async with open_source(**kept) as source:
                second, third, fourth = await rows(source, 3, ack=False)
            assert second == {"id": 2, "total": Decimal("1.00"), "placed": None}
            assert third == {"note": "x", "id": 3, "price": Decimal("1.00"), "placed": None}
            assert fourth == {"note": "y", "id": 4, "placed": None}

    async def test_a_statement_that_was_kept_twice_counts_once(self, open_source, database, kept):
        database.execute("alter table orders add spare decimal(10,2)")
        async with open_source(**kept) as source:
            await take(source, 1)
        # Twice, these end in other names, and no row can tell.
        database.execute("alter table orders rename column total to swap, rename column spare to total")
        database.execute("alter table orders rename column swap to spare")
        database.execute("insert into orders values (2, 1, null, 7)")
        async with open_source(**kept) as source:
            await rows(source, 1, ack=False)  # the process ends here: kept in the history, and not in the offset
        async with open_source(**kept) as source:
            await rows(source, 1)
        statements = [record.ddl async for record in kept["history"].records()]
        assert sum("to swap" in each for each in statements) == 2
        database.execute("insert into orders values (3, 1, null, 7)")
        async with open_source(**kept) as source:
            assert await rows(source, 1) == [
                {"id": 3, "spare": Decimal("1.00"), "placed": None, "total": Decimal("7.00")}
            ]

    async def test_the_history_is_never_behind_the_offset(self, open_source, database, kept):
        class Full(FileSchemaHistory):
            async def record(self, records):
                raise CdcError("the disk is full", "Make room.")

        async with open_source(**kept) as source:
            await take(source, 1)
        stored = await kept["offsets"].load({"server": "mysql"})
        database.execute("alter table orders drop total")
        database.execute("insert into orders values (2, null)")
        full = Full(kept["history"]._path)
        async with open_source(offsets=kept["offsets"], history=full) as source:
            with pytest.raises(CdcError, match="disk is full"):
                await take(source, 1)
        assert await kept["offsets"].load({"server": "mysql"}) == stored
        async with open_source(**kept) as source:
            assert await rows(source, 1) == [{"id": 2, "placed": None}]

    async def test_an_offset_without_its_history_is_refused(self, open_source, kept):
        async with open_source(**kept) as source:
            await take(source, 1)
        with pytest.raises(HistoryUnreadable, match="has nothing about"):
            await open_source(offsets=kept["offsets"], history=MemorySchemaHistory()).__aenter__()


KILLED = """
import asyncio, os, signal, sys
from cdc import FileOffsetStore, FileSchemaHistory, MySqlSource

class Offsets(FileOffsetStore):
    kills = ""

    async def store(self, partition, offset):
        if self.kills == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        await super().store(partition, offset)
        if self.kills == "behind":
            os.kill(os.getpid(), signal.SIGKILL)

async def main(url, server_id, folder, when):
    offsets = Offsets(folder + "/offsets")
    async with MySqlSource(
        url, server_id=int(server_id), offsets=offsets, history=FileSchemaHistory(folder + "/history")
    ) as source:
        async for transaction in source:
            for change in transaction:
                print(sorted(change.after), flush=True)
                if change.key["id"] == 3:
                    offsets.kills = when
            await transaction.ack()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize(("when", "again"), [("before", [3, 4]), ("behind", [4])])
async def test_a_process_that_is_killed_at_an_acknowledgement(open_source, database, kept, tmp_path, when, again):
    async with open_source(**kept) as source:
        await take(source, 1)
    database.execute("insert into orders values (2, 1, null)")
    database.execute("alter table orders drop total, add note text")
    database.execute("insert into orders values (3, null, 'x')")
    database.execute("alter table orders drop note, add total decimal(10,2)")
    database.execute("insert into orders values (4, null, 5)")
    number = str(random.randrange(100_000, 1_000_000_000))
    arguments = ("-c", dedent(KILLED), database.url, number, str(tmp_path), when)
    child = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    printed, _ = await asyncio.wait_for(child.communicate(), SECONDS)
    assert child.returncode == -signal.SIGKILL
    assert printed.decode().splitlines() == ["['id', 'placed', 'total']", "['id', 'note', 'placed']"]
    async with open_source(**kept) as source:
        found = await rows(source, len(again))
    expected = {3: {"id": 3, "placed": None, "note": "x"}, 4: {"id": 4, "placed": None, "total": Decimal("5.00")}}
    assert found == [expected[each] for each in again]


class TestStart:
    """A place in the log that the user knows, instead of a snapshot."""

    async def test_gtids(self, open_source, database, kept):
        mariadb = "mariadb" in database.execute("select version()")[0][0].lower()
        if not mariadb and database.execute("select @@gtid_mode")[0][0] != "ON":
            pytest.skip("the server has no GTIDs")
        name = "gtid_binlog_pos" if mariadb else "gtid_executed"
        start = database.execute(f"select @@global.{name}")[0][0]
        await self._begins_there(open_source, database, kept, start)

    async def test_a_file_and_a_place_in_it(self, open_source, database, kept):
        version = database.execute("select version()")[0][0]
        show = "show master status" if "Maria" in version else "show binary log status"
        file, place, *_ = database.execute(show)[0]
        await self._begins_there(open_source, database, kept, f"{file}:{place}")

    async def _begins_there(self, open_source, database, kept, start):
        database.execute("insert into orders values (2, 1, null)")
        async with open_source(start=start, **kept) as source:
            assert await take(source, 1) == [[("c", 2)]]
        database.execute("alter table orders add note text")
        database.execute("insert into orders values (3, 1, null, 'x')")
        async with open_source(start=start, **kept) as source:
            assert (await rows(source, 1))[0]["note"] == "x", "the stored position goes before"

    async def test_a_place_that_is_gone_is_a_loss(self, open_source):
        with pytest.raises(SourceLost, match="no binlog file"):
            await open_source(start="binlog.999999:4").__aenter__()


class OursError(Exception):
    pass


async def test_an_error_in_the_block_goes_on_as_it_is(open_source):
    with pytest.raises(OursError):
        async with open_source():
            raise OursError


async def test_a_server_that_does_not_answer_is_one_plain_error():
    with pytest.raises(SourceUnavailable):
        await MySqlSource("mysql://u@127.0.0.1:1", server_id=7).__aenter__()


async def test_keywords_do_as_well_as_a_url(database):
    source = MySqlSource(
        hostname=database.host,
        port=database.port,
        user=database.user,
        server_id=random.randrange(100_000, 1_000_000_000),
        tables=[rf"{database.name}\..*"],
        tls="disabled",
    )
    async with source:
        assert await take(source, 1) == [[("r", 1)]]


async def test_tls_is_that_of_the_url(mysql, mysql_database, tmp_path):
    mysql_database.execute(ORDERS)
    url = f"{mysql_database.url}?ssl-mode=verify_ca&ssl-ca="
    async with MySqlSource(f"{url}{mysql.data}/ca.pem", server_id=random.randrange(100_000, 1_000_000_000)) as source:
        assert await take(source, 1) == [[("r", 1)]]
        mysql_database.execute("insert into orders values (2, 1, null)")
        assert await take(source, 1) == [[("c", 2)]]
        used = "select count(*) from performance_schema.threads where connection_type = 'SSL/TLS' and processlist_command like 'Binlog Dump%'"
        assert mysql_database.execute(used)[0][0] >= 1
    make_authority(tmp_path)
    with pytest.raises(SourceRefused, match="certificate"):
        await MySqlSource(f"{url}{tmp_path}/ca.crt", server_id=7).__aenter__()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"url": "mysql://h"}, "names the user"),
        ({"user": "u"}, "names the hostname"),
        ({"url": "postgres://u@h"}, "begins with 'postgres:'"),
        ({"url": "mysql://u@h:x"}, "URL of the server is none"),
        ({"url": "mysql://u@h?sslmode=x"}, "unknown option 'sslmode'"),
        ({"url": "mysql://u@h?ssl-mode=perhaps"}, "TLS mode 'perhaps'"),
        ({"url": "mysql://u@h", "start": "now"}, "'now' is not a GTID"),
        ({"url": "mysql://u@h", "start": " "}, "start is empty"),
        ({"url": "mysql://u@h", "offsets": MemoryOffsetStore()}, "offsets was given alone"),
        ({"url": "mysql://u@h", "history": MemorySchemaHistory()}, "history was given alone"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ConfigError, match=message) as caught:
        MySqlSource(**{"server_id": 1, **arguments})
    assert caught.value.remedy


def test_a_url_says_it_all():
    log = MySqlSource("mysql://ann:s%40crt@db:3307/shop?ssl-mode=VERIFY_CA&ssl-ca=/ca.pem", server_id=5)._log
    assert isinstance(log, MySqlLog)
    settings = log._settings
    assert (settings.hostname, settings.port, settings.user, settings.password.reveal()) == ("db", 3307, "ann", "s@crt")
    assert (settings.tls, settings.truststore) == ("verify_ca", "/ca.pem")
    assert settings.tables.matches("shop", "a")
    assert not settings.tables.matches("shop2", "a")
