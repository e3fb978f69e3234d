"""The configuration of the MySQL connector."""

import pytest

from cdc.config.definition import InvalidConfig
from cdc.config.history import HistoryPlace
from cdc.config.mysql import MYSQL
from cdc.config.mysql_settings import Locking, MySqlSettings, TlsMode, UnsignedMode
from cdc.config.post_processors import ReselectSettings
from cdc.config.settings import TimeMode

LEAST = {
    "name": "shop",
    "connector.class": "io.debezium.connector.mysql.MySqlConnector",
    "topic.prefix": "shop",
    "database.hostname": "db",
    "database.user": "cdc",
    "database.server.id": "7",
}


def settings(**given):
    return MySqlSettings.from_config(
        MYSQL.parse({**LEAST, **{name.replace("_", "."): text for name, text in given.items()}})
    )


def test_the_defaults_are_debeziums():
    found = settings()
    assert (found.port, found.tls, found.locking) == (3306, TlsMode.PREFERRED, Locking.MINIMAL)
    assert (found.time_mode, found.unsigned_mode) == (TimeMode.ADAPTIVE_TIME_MICROSECONDS, UnsignedMode.LONG)
    assert found.include_schema_changes
    assert not found.include_query


def test_the_history_has_a_topic_by_the_name_of_the_prefix():
    found = settings().history
    assert (found.place, found.topic) == (HistoryPlace.KAFKA, "schemahistory.shop")


def test_columns_are_read_again_only_where_a_post_processor_says_so():
    assert settings().reselect is None
    found = settings(
        post_processors="r", r_type="ReselectColumnsPostProcessor", r_reselect_null_values="false"
    ).reselect
    assert found == ReselectSettings(nulls=False)


@pytest.mark.parametrize("database", ["mysql", "sys", "performance_schema", "information_schema"])
def test_the_servers_own_databases_are_not_captured(database):
    tables = settings(database_include_list=".*").tables
    assert not tables.matches(database, "user")
    assert tables.matches("shop", "user")


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("time.precision.mode", "adaptive", "is not one of its values"),
        ("database.server.id", "0", "out of range"),
        ("snapshot.mode", "custom", "not supported yet"),
        ("snapshot.mode", "never", "is not one of its values"),
        ("snapshot.mode", "schema_only", "is not one of its values"),
        ("snapshot.locking.mode", "shared", "is not one of its values"),
    ],
)
def test_what_is_refused(name, text, word):
    with pytest.raises(InvalidConfig, match=word):
        MYSQL.parse({**LEAST, name: text})


def test_what_is_about_signals_alone_changes_nothing_as_they_are_refused():
    assert settings(incremental_snapshot_allow_schema_changes="true") == settings()


def test_both_lists_of_databases_are_refused():
    with pytest.raises(InvalidConfig, match=r"database\.include\.list and database\.exclude\.list"):
        MYSQL.parse({**LEAST, "database.include.list": "a", "database.exclude.list": "b"})
