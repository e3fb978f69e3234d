"""Strategies that name topics: what their properties mean, and what is refused."""

from __future__ import annotations

import pytest

from cdc.config.mysql import MYSQL
from cdc.config.mysql_settings import MySqlSettings
from cdc.config.postgres import POSTGRES
from cdc.config.topics import TopicNaming

NEEDED = {
    "name": "c",
    "connector.class": "postgres",
    "database.hostname": "h",
    "database.user": "u",
    "database.dbname": "d",
    "topic.prefix": "shop",
}
REGEX = {
    "topic.naming.strategy": "io.debezium.schema.SchemaRegexTopicNamingStrategy",
    "topic.regex": "(.*)_[0-9]+",
    "topic.replacement": "$1",
}


def naming(**more: str) -> TopicNaming:
    named = {name.replace("_", "."): text for name, text in more.items()}
    return TopicNaming.from_config(POSTGRES.parse({**NEEDED, **named}))


@pytest.mark.parametrize("strategy", ["Schema", "Default"])
@pytest.mark.parametrize("kind", ["", "Unicode"])
def test_default_strategies_leave_the_schema_out_and_unicode_ones_write_codes(strategy, kind):
    found = naming(topic_naming_strategy=f"io.debezium.schema.{strategy}{kind}TopicNamingStrategy")
    assert found == TopicNaming(schemas=strategy == "Schema", unicode=kind == "Unicode")


def test_a_database_whose_default_names_have_our_schema_in_them():
    config = POSTGRES.parse({**NEEDED, "topic.naming.strategy": "io.debezium.schema.DefaultTopicNamingStrategy"})
    assert TopicNaming.from_config(config, default_has_schemas=True) == TopicNaming(schemas=True)


def test_a_regex_strategy_routes_and_names_the_table_in_the_key():
    found = TopicNaming.from_config(POSTGRES.parse({**NEEDED, **REGEX}))
    assert found.route is not None
    assert found.route.apply("shop.public.orders_7") == "shop.public.orders"
    assert (found.key_field, found.key_value) == ("__dbz__physicalTableIdentifier", None)


def test_the_field_of_the_key_can_be_left_out():
    config = POSTGRES.parse({**NEEDED, **REGEX, "topic.key.enforce.uniqueness": "false"})
    assert TopicNaming.from_config(config).key_field == ""


@pytest.mark.parametrize(
    ("more", "name", "fact"),
    [
        ({"topic.regex": ""}, "topic.regex", "is not set"),
        ({"topic.replacement": ""}, "topic.replacement", "is not set"),
        ({"topic.regex": "("}, "topic.regex", "is no regular expression that can be used"),
        ({"topic.replacement": "$2"}, "topic.replacement", "there is no group 2"),
        ({"topic.replacement": "a b"}, "topic.replacement", "characters that Kafka does not allow"),
        ({"topic.key.field.regex": "(.*)"}, "topic.key.field.replacement", "is not set"),
        ({"topic.key.field.regex": "a", "topic.key.field.replacement": "$1"}, "topic.key.field.replacement", "group 1"),
        ({"topic.naming.strategy": ""}, "topic.naming.strategy", "is not one of its values"),
        (
            {"topic.naming.strategy": "io.debezium.schema.SchemaTopicNamingStrategy"},
            "topic.regex",
            "topic.naming.strategy is not one that reads it",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_at_its_property(more, name, fact):
    _, problems = POSTGRES.examine({**NEEDED, **REGEX, **more})
    assert any(problem.name == name and fact in problem.fact for problem in problems), problems


def test_mysql_names_have_the_database_by_default_and_none_with_the_schema_strategies():
    needed = {**NEEDED, "connector.class": "mysql", "database.server.id": "1"}
    del needed["database.dbname"]
    history = {"schema.history.internal.kafka.topic": "h", "schema.history.internal.kafka.bootstrap.servers": "k:1"}
    for strategy, expected in ((None, True), ("Default", True), ("Schema", False)):
        named = (
            {} if strategy is None else {"topic.naming.strategy": f"io.debezium.schema.{strategy}TopicNamingStrategy"}
        )
        found = MySqlSettings.from_config(MYSQL.parse({**needed, **history, **named}))
        assert found.naming == TopicNaming(schemas=expected)
