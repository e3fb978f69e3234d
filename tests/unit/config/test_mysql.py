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
        ("skipped.operations", "none,c", "names none beside operations"),
        ("poll.interval.ms", "0", "out of range"),
        ("poll.interval.ms", "1.5", "not a whole number"),
        ("snapshot.fetch.size", "-1", "out of range"),
        ("ddl.parser.type", "bogus", "is not one of its values"),
        ("custom.metric.tags", "a=b=c", "form that is not allowed"),
        ("max.batch.size", "8192", "is not more than max.batch.size"),
    ],
)
def test_what_is_refused(name, text, word):
    with pytest.raises(InvalidConfig, match=word):
        MYSQL.parse({**LEAST, name: text})


def test_what_is_about_signals_alone_changes_nothing_as_they_are_refused():
    assert settings(incremental_snapshot_allow_schema_changes="true") == settings()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("poll.interval.ms", "5"),
        ("poll.interval.ms", ""),
        ("custom.metric.tags", "a=b,c=d"),
        ("max.batch.size", "8191"),
    ],
)
def test_what_has_no_effect_is_accepted_where_debezium_takes_it(name, text):
    assert MYSQL.parse({**LEAST, name: text}).without_effect == (name,)


def test_both_lists_of_databases_are_refused():
    with pytest.raises(InvalidConfig, match=r"database\.include\.list and database\.exclude\.list"):
        MYSQL.parse({**LEAST, "database.include.list": "a", "database.exclude.list": "b"})


def test_properties_of_the_java_driver_are_accepted_and_their_values_are_not_shown():
    config = MYSQL.parse(
        {**LEAST, "database.serverTimezone": "UTC", "database.trustCertificateKeyStorePassword": "hush"}
    )
    assert "database.<driverProperty>" in config.notice()
    assert "hush" not in str(config.masked())


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("database.includeList", "database.include.list"),
        ("database.sslMode", "database.ssl.mode"),
        ("database.hostName", "database.hostname"),
    ],
)
def test_a_name_of_the_connector_is_not_taken_for_the_driver_s(name, meant):
    _, (problem,) = MYSQL.examine({**LEAST, name: "x"})
    assert problem.sentence() == f"{name} is not a known property. Did you mean {meant}?"


def test_definitions_alone_are_something_to_read():
    based = "snapshot.mode.configuration.based"
    alone = {**LEAST, "snapshot.mode": "configuration_based"}
    policy = MySqlSettings.from_config(MYSQL.parse({**alone, f"{based}.snapshot.schema": "true"})).snapshot_policy
    assert (policy.at_first, policy.streams) == (False, False)
    _, (problem,) = MYSQL.examine(alone)
    assert f"{based}.snapshot.schema or {based}.snapshot.data" in problem.remedy
