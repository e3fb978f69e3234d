"""Which statements are recorded, and which are told: by what is captured, and what the history is to have."""

from typing import Any

from cdc.config.filters import NameFilter, TableFilter
from cdc.config.history import HistorySettings
from cdc.config.mysql_settings import SYSTEM, MySqlSettings
from cdc.model.batch import ChangeBatch
from cdc.sources.mysql.binlog.position import MySqlPosition
from cdc.sources.mysql.ddl.definitions import Definitions
from cdc.sources.mysql.ddl.statements import DdlSession, apply_ddl
from cdc.sources.mysql.history.schema_changes import ChangeOrigin
from cdc.sources.mysql.history.told import Told
from cdc.sources.mysql.history.tracking import SchemaTracker

BEHIND = MySqlPosition("log.000001", 4)
ORIGIN = ChangeOrigin(at_us=1, server_id=1, file="log.000001", position=4)
KNOWN = (
    "CREATE TABLE a (id int NOT NULL)",
    "CREATE TABLE b (id int NOT NULL)",
    "CREATE TABLE e.a (id int NOT NULL)",
)


def followed(*statements: str, **history: Any) -> tuple[list[str], list[str]]:
    """Return which statements are recorded, and which are published, where `d.a` is captured."""
    tables = TableFilter(NameFilter.parse("d", what="database"), NameFilter.parse("d.a"), SYSTEM)
    settings = MySqlSettings("h", "u", 1, "p", tables=tables, history=HistorySettings(**history))
    tracker, session = SchemaTracker(settings, Definitions(), {"server": "p"}), DdlSession(database="d")
    for statement in KNOWN:
        outcome = apply_ddl(tracker.definitions, statement, session)
        tracker.definitions = outcome.definitions
    batch = ChangeBatch()
    for statement in statements:
        outcome = apply_ddl(tracker.definitions, statement, session)
        tracker.tell(Told(statement, session, outcome), batch, ORIGIN, BEHIND)
    published: list[Any] = [aside.record.value for aside in batch.asides]
    return [record.ddl for record in batch.history], [value["ddl"] for value in published]


def test_a_history_of_captured_tables_has_what_changes_their_keys_and_names():
    index, away, other = "CREATE UNIQUE INDEX u ON a (id)", "RENAME TABLE a TO x", "ALTER TABLE b ADD v int"
    recorded, published = followed(index, away, other, "CREATE INDEX i ON b (id)", only_tables=True)
    assert recorded == published == [index, away]


def test_a_history_of_captured_tables_leaves_the_defaults_of_databases_out():
    made, altered = "CREATE DATABASE d", "ALTER DATABASE d CHARSET latin1"
    assert followed(made, altered, only_tables=True) == ([], [made])
    assert followed(made, altered) == ([made, altered], [made, altered])


def test_a_history_of_captured_databases_has_what_stands_under_one():
    index, changed = "CREATE INDEX i ON e.a (id)", "ALTER TABLE e.a ADD v int"
    recorded, published = followed(index, changed, only_databases=True)
    assert recorded == published == [index]


def test_emptying_a_table_is_not_recorded():
    assert followed("TRUNCATE TABLE a") == ([], [])
