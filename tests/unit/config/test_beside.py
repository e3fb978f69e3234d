"""What is said of records beside the rows, of the stream's options and of a connection's first statements."""

from __future__ import annotations

import pytest

from cdc.config.beside import BesideSettings
from cdc.config.postgres import POSTGRES
from cdc.config.settings import PostgresSettings
from cdc.config.statements import split_statements
from tests.unit.config.minimal import MINIMAL


def settings(**more: str) -> PostgresSettings:
    return PostgresSettings.from_config(POSTGRES.parse(MINIMAL | {k.replace("_", "."): v for k, v in more.items()}))


def test_nothing_is_marked_and_nothing_beats_unless_it_is_asked_for_but_messages_are_published():
    found = settings()
    assert found.beside == BesideSettings()
    assert not found.beside.transactions
    assert not found.beside.heartbeat_interval
    assert found.beside.messages.matches("anything")
    assert (found.local_only, found.slot_drop_on_stop, found.initial_statements) == (False, False, ())


def test_the_properties_are_read():
    found = settings(
        provide_transaction_metadata="true",
        topic_transaction="tx",
        heartbeat_interval_ms="2500",
        topic_heartbeat_prefix="beats",
        heartbeat_action_query="update hb set n = 1",
        heartbeat_message_prefix="beat",
        message_prefix_include_list="a.*,b",
        slot_stream_params="origin=none;streaming=on",
        slot_drop_on_stop="true",
        database_initial_statements="set a = 1; set b = ';;'",
    )
    beside = found.beside
    assert (beside.transactions, beside.transaction_topic) == (True, "tx")
    assert (beside.heartbeat_interval, beside.heartbeat_topic_prefix) == (2.5, "beats")
    assert (beside.heartbeat_query, beside.heartbeat_message) == ("update hb set n = 1", "beat")
    assert [beside.messages.matches(name) for name in ("abc", "b", "bc")] == [True, True, False]
    assert (found.local_only, found.stream_open, found.slot_drop_on_stop) == (True, True, True)
    assert found.initial_statements == ("set a = 1", "set b = ';'")


def test_prefixes_cannot_be_both_included_and_excluded():
    _, problems = POSTGRES.examine(MINIMAL | {f"message.prefix.{kind}.list": "a" for kind in ("include", "exclude")})
    assert [problem.fact for problem in problems] == [
        "message.prefix.include.list and message.prefix.exclude.list are both set"
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("proto_version=4", "has the option proto_version, which the connector sets by itself or does not know"),
        ("origin=here", "has here as origin, which is none of any, none"),
        ("origin=none;binary=true", "has the option binary, which the connector sets by itself or does not know"),
    ],
)
def test_options_of_the_stream_that_would_change_its_form_are_refused(text, fault):
    _, (problem,) = POSTGRES.examine(MINIMAL | {"slot.stream.params": text})
    assert problem.fact == f"slot.stream.params = {text!r} {fault}"


@pytest.mark.parametrize(("text", "local"), [("", False), ("origin=any", False), (" Origin = NONE ; ", True)])
def test_the_origin_may_be_asked_for(text, local):
    assert settings(slot_stream_params=text).local_only is local


@pytest.mark.parametrize(
    ("text", "statements"),
    [("", ()), (" ; ", ()), ("a", ("a",)), ("a;b", ("a", "b")), ("a;;b", ("a;b",)), ("a;;;b", ("a;", "b"))],
)
def test_two_semicolons_are_one_inside_a_statement(text, statements):
    assert split_statements(text) == statements
