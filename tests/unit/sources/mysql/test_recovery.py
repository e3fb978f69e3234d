import pytest

from cdc.errors import HistoryUnreadable
from cdc.history.memory import MemorySchemaHistory
from cdc.metrics.counters import HistoryCounts
from cdc.model.position import Offset
from cdc.sources.mysql.ddl.definitions import Definitions
from cdc.sources.mysql.ddl.statements import DdlSession, apply_ddl
from cdc.sources.mysql.ddl.table_json import restored_change, stored_change
from cdc.sources.mysql.history.recovery import history_record, is_reached, recovered

SHOP = {"server": "shop"}
UUID = "3e11fa47-71ca-11e1-9e33-c80aa9429562"


async def history(*statements, source=SHOP):
    """Return a history whose n-th statement ends at position n."""
    kept, definitions = MemorySchemaHistory(), Definitions()
    for number, statement in enumerate(statements, 1):
        session = DdlSession(database="d")
        outcome = apply_ddl(definitions, statement, session)
        definitions = outcome.definitions
        offset: Offset = {"file": "binlog.000001", "pos": number}
        await kept.record([history_record(statement, session, outcome, source=source, offset=offset, ts_ms=1)])
    return kept


async def test_the_definitions_are_those_at_the_stored_offset():
    kept = await history("CREATE TABLE t (a int)", "ALTER TABLE t ADD b int", "ALTER TABLE t DROP a")
    for pos, expected in ((1, ["a"]), (2, ["a", "b"]), (3, ["b"]), (9, ["b"])):
        until: Offset = {"file": "binlog.000001", "pos": pos}
        found = (await recovered(Definitions(), kept.records(), SHOP, until)).get("d", "t")
        assert found is not None
        assert [column.name for column in found.columns] == expected


@pytest.mark.parametrize("until", [{"file": "binlog.000001", "pos": 0}, {"file": "binlog.000000", "pos": 9}])
async def test_a_history_that_begins_behind_the_offset_is_an_error_with_the_remedy(until):
    kept = await history("CREATE TABLE t (a int)")
    with pytest.raises(HistoryUnreadable, match="has nothing about") as error:
        await recovered(Definitions(), kept.records(), SHOP, until)
    assert "snapshot.mode=recovery" in error.value.sentence()


async def test_the_history_of_another_connector_does_not_count():
    kept = await history("CREATE TABLE t (a int)", source={"server": "other"})
    with pytest.raises(HistoryUnreadable):
        await recovered(Definitions(), kept.records(), SHOP, {"file": "binlog.000001", "pos": 9})


@pytest.mark.parametrize(
    ("position", "offset", "reached"),
    [
        ({"file": "binlog.000009", "pos": 500}, {"file": "binlog.000010", "pos": 4}, True),
        ({"file": "binlog.999999", "pos": 4}, {"file": "binlog.1000000", "pos": 4}, True),
        ({"file": "binlog.000010", "pos": 5}, {"file": "binlog.000010", "pos": 4}, False),
        ({"gtids": f"{UUID}:1-5", "file": "b.9", "pos": 9}, {"gtids": f"{UUID}:1-6", "file": "b.1", "pos": 1}, True),
        ({"gtids": f"{UUID}:1-7", "file": "b.1", "pos": 1}, {"gtids": f"{UUID}:1-6", "file": "b.9", "pos": 9}, False),
        ({"file": "b.9", "pos": 9}, {"gtids": f"{UUID}:1-6", "file": "b.1", "pos": 1}, True),
        ({"gtids": f"{UUID}:1-7", "file": "b.1", "pos": 1}, {"file": "b.9", "pos": 9}, True),
        ({"gtids": "0-1-5", "file": "b.9", "pos": 9}, {"gtids": "0-1-6", "file": "b.1", "pos": 1}, True),
        ({"gtids": "0-1-7", "file": "b.1", "pos": 1}, {"gtids": "0-1-6", "file": "b.9", "pos": 9}, False),
    ],
)
def test_a_position_is_compared_by_gtids_where_both_have_them(position, offset, reached):
    assert is_reached(position, offset) is reached


async def test_a_statement_that_the_log_sent_again_counts_once():
    swap = ("ALTER TABLE t RENAME COLUMN a TO c, RENAME COLUMN b TO a", "ALTER TABLE t RENAME COLUMN c TO b")
    kept = await history("CREATE TABLE t (a int, b int)", *swap)
    records = [record async for record in kept.records()]
    await kept.record(records[1:])
    found = (await recovered(Definitions(), kept.records(), SHOP, {"file": "binlog.000001", "pos": 3})).get("d", "t")
    assert found is not None
    assert [column.name for column in found.columns] == ["b", "a"]


async def test_what_is_read_and_what_is_applied_is_counted():
    kept = await history("CREATE TABLE t (a int)", "ALTER TABLE t ADD b int", "ALTER TABLE t DROP a")
    records = [record async for record in kept.records()]
    await kept.record(records[1:2])
    counts = HistoryCounts()
    await recovered(Definitions(), kept.records(), SHOP, {"file": "binlog.000001", "pos": 2}, counts)
    assert (counts.recovered, counts.applied) == (4, 2)
    assert counts.last_recovered is not None
    assert counts.last_applied is not None
    assert counts.last_applied < counts.last_recovered


async def test_a_statement_of_debeziums_is_reached_when_the_gtids_have_it():
    """Its GTIDs are those before the statement, and its place is behind it."""
    position: Offset = {"gtids": f"{UUID}:1-5", "file": "b.1", "pos": 9, "server_id": 1}
    for last, reached in ((4, False), (5, False), (6, True)):
        assert is_reached(position, {**position, "gtids": f"{UUID}:1-{last}"}) is reached
    assert is_reached({**position, "snapshot": "INITIAL"}, position)


@pytest.mark.parametrize(
    ("position", "of_debezium"),
    [
        ({"gtids": f"{UUID}:1-5", "server_id": 1}, True),
        ({"gtids": f"{UUID}:1-5,{UUID}:tag:1-2", "server_id": 1}, True),
        ({"gtids": f"{UUID}:1", "server_id": 1}, True),
        ({"gtids": f"{UUID}:1"}, False),
        ({"gtids": f"{UUID}:5", "server_id": 1}, False),
        ({"gtids": f"{UUID}:tag:5", "server_id": 1}, False),
        ({"gtids": f"{UUID}:5"}, False),
        ({"gtids": f"{UUID}:1-5", "server_id": 1, "server_uuid": UUID}, False),
        ({"gtids": "0-1-5", "server_id": 1}, False),
        ({"server_id": 1}, False),
    ],
)
def test_a_record_is_debeziums_unless_it_has_the_one_gtid_of_its_statement(position, of_debezium):
    found: Offset = {"file": "b.1", "pos": 9, **position}
    assert is_reached(found, found) is not of_debezium


@pytest.mark.parametrize(
    ("statement", "previous"), [("RENAME TABLE t TO u", '"d"."t"'), ("ALTER TABLE t RENAME u", None)]
)
def test_a_history_names_the_table_and_the_one_that_it_was_before(statement, previous):
    before = apply_ddl(Definitions(), "CREATE TABLE t (a int)", DdlSession(database="d")).definitions
    (change,) = apply_ddl(before, statement, DdlSession(database="d")).changes
    stored = stored_change(change, comments=True)
    assert (stored["id"], stored.get("previousId")) == ('"d"."u"', previous)
    assert restored_change(stored).previous == (change.previous if previous else None)


def test_a_history_of_old_has_both_names_in_one_id():
    change = restored_change({"type": "ALTER", "id": '"d"."t","d"."u"', "table": None})
    assert (str(change.previous), str(change.id)) == ("d.t", "d.u")


def test_a_unique_index_of_debeziums_history_lacks_its_first_word():
    session = DdlSession(database="d")
    before = apply_ddl(Definitions(), "CREATE TABLE t (a int NOT NULL)", session).definitions
    found = apply_ddl(before, "UNIQUE INDEX u ON t (a)", session).definitions.get("d", "t")
    assert found is not None
    assert found.record_key == ("a",)
