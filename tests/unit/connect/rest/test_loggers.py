from __future__ import annotations

import logging

import pytest

from cdc.connect.loggers import LoggerLevel, Loggers

pytestmark = pytest.mark.usefixtures("levels")

NAMES = ["rest_test", "rest_test.a", "rest_test.a.b", "rest_test_other"]


@pytest.fixture
def tree():
    """Four loggers, of which `a` has a level of its own."""
    for name in NAMES:
        logging.getLogger(name).setLevel(logging.NOTSET)
    logging.getLogger("rest_test.a").setLevel(logging.ERROR)
    logging.root.setLevel(logging.INFO)


@pytest.mark.parametrize(
    ("number", "word"),
    [
        (1, "ALL"),
        (5, "TRACE"),
        (10, "DEBUG"),
        (15, "DEBUG"),
        (20, "INFO"),
        (30, "WARN"),
        (40, "ERROR"),
        (50, "FATAL"),
        (60, "OFF"),
    ],
)
def test_a_level_of_python_has_a_word_of_connect(tree, number, word):
    logging.getLogger("rest_test").setLevel(number)
    assert Loggers().level("rest_test") == LoggerLevel(word, None)


@pytest.mark.parametrize("word", ["ALL", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "OFF"])
def test_a_word_of_connect_comes_back_as_it_was_set(tree, word):
    loggers = Loggers(lambda: 7.0)
    loggers.set_level("rest_test", word.lower())
    assert loggers.level("rest_test") == LoggerLevel(word, None if word == "INFO" else 7000)


def test_a_level_holds_for_the_loggers_below(tree):
    changed = Loggers(lambda: 1795549702.284).set_level("rest_test", "DEBUG")
    assert changed == ["rest_test", "rest_test.a", "rest_test.a.b"]
    assert [logging.getLogger(name).getEffectiveLevel() for name in NAMES] == [10, 10, 10, 20]
    assert [logging.getLogger(name).level for name in NAMES] == [10, 10, 0, 0]


def test_a_logger_tells_when_it_was_set_in_milliseconds(tree):
    loggers = Loggers(lambda: 1795549702.284)
    loggers.set_level("rest_test.a", "DEBUG")
    assert loggers.level("rest_test.a.b") == LoggerLevel("DEBUG", 1795549702284)
    assert loggers.level("rest_test") == LoggerLevel("INFO", None)


def test_a_level_that_holds_already_changes_nothing(tree):
    assert Loggers().set_level("rest_test.a", "ERROR") == []


def test_the_root_is_named_root_in_any_case(tree):
    loggers = Loggers()
    assert {"root", "rest_test", "rest_test_other"} <= set(loggers.set_level("ROOT", "WARN"))
    assert (loggers.level("Root"), logging.root.level) == (loggers.level("root"), logging.WARNING)


def test_loggers_with_a_level_of_their_own_are_listed(tree):
    listed = Loggers().all()
    assert {name: each.level for name, each in listed.items() if name in {*NAMES, "root"}} == {
        "rest_test.a": "ERROR",
        "root": "INFO",
    }
    assert list(listed) == sorted(listed)


async def test_a_level_is_read_and_set_over_rest(talker, tree):
    assert (await talker.ask("PUT", "/admin/loggers/rest_test.a", {"level": "trace"})).body == [
        "rest_test.a",
        "rest_test.a.b",
    ]
    answer = await talker.ask("GET", "/admin/loggers/rest_test.a")
    assert (answer.body["level"], type(answer.body["last_modified"])) == ("TRACE", int)
    assert (await talker.ask("GET", "/admin/loggers")).body["rest_test.a"] == answer.body


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("GET", "/admin/loggers/no.such.logger", None, 404, "Logger no.such.logger not found."),
        ("PUT", "/admin/loggers/root", {"level": "bogus"}, 404, "invalid log level 'bogus'."),
        ("PUT", "/admin/loggers/root", {"level": 7}, 404, "invalid log level '7'."),
        ("PUT", "/admin/loggers/root", {}, 400, "Desired 'level' parameter was not specified in request."),
    ],
)
async def test_what_cannot_be_set_is_refused_in_connects_words(talker, method, path, body, status, message):
    answer = await talker.ask(method, path, body)
    assert (answer.status, answer.message) == (status, message)


async def test_a_level_for_the_whole_cluster_is_the_herders_and_has_no_answer(talker, herder, tree):
    answer = await talker.ask("PUT", "/admin/loggers/rest_test?scope=CLUSTER", {"level": "error"})
    assert (answer.status, answer.body) == (204, None)
    assert herder.calls == ["level rest_test error"]
    assert logging.getLogger("rest_test").level == logging.NOTSET


async def test_a_level_that_is_none_is_not_told_to_the_cluster(talker, herder):
    answer = await talker.ask("PUT", "/admin/loggers/rest_test?scope=cluster", {"level": "bogus"})
    assert (answer.status, answer.message, herder.calls) == (404, "invalid log level 'bogus'.", [])


async def test_another_scope_is_refused_rather_than_set_here_alone(talker, tree):
    answer = await talker.ask("PUT", "/admin/loggers/rest_test?scope=rack", {"level": "ERROR"})
    assert (answer.status, logging.getLogger("rest_test").level) == (400, logging.NOTSET)
    assert answer.message == "The scope is 'rack'. It is worker, for this one, or cluster, for all of them."
