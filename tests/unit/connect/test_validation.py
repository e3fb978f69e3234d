"""Answers about configurations, against those of Kafka Connect 4.3.1."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cdc.config.definition import Definition
from cdc.config.property import REQUIRED, Importance, Problem, Property, Type, planned
from cdc.config.secret import MASK
from cdc.config.validators import between
from cdc.connect.connector_properties import for_sink, for_source
from cdc.connect.validation import config_keys, errors_of, failure
from cdc.connect.validation import validate as typed_validate

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "connect-rest.jsonl"
FILE_SOURCE = "org.apache.kafka.connect.file.FileStreamSourceConnector"
JSON = "org.apache.kafka.connect.json.JsonConverter"
SIMPLE = "org.apache.kafka.connect.storage.SimpleHeaderConverter"

# As Connect's own file source has them.
FILE = Definition(
    (
        Property("file", Type.STRING, None, "Source filename.", Importance.HIGH),
        Property("topic", Type.STRING, REQUIRED, "The topic.", Importance.HIGH),
        Property("batch.size", Type.INT, "2000", "Number of records.", Importance.LOW, validator=between(1)),
    )
)
SOURCE = for_source(FILE)
VALID = {"name": "n", "connector.class": FILE_SOURCE, "topic": "t"}

ROWS = Definition(
    (
        Property("int", Type.INT, "1", "x", validator=between(1)),
        Property("port", Type.INT, "1", "x", validator=between(0, 65535)),
        Property("long", Type.LONG, "1", "x"),
        Property("double", Type.DOUBLE, "1", "x"),
        Property("boolean", Type.BOOLEAN, "true", "x"),
        Property("word", Type.STRING, "none", "x", choices=("none", "all"), planned=("some",)),
        Property("words", Type.LIST, "", "x"),
        Property("password", Type.PASSWORD, None, "x"),
        Property("text", Type.STRING, None, "x", also=("former.text",)),
        planned("late", Type.STRING, "", "x"),
    )
)


def validate(*arguments, **others) -> Any:
    """The answer, as a client reads it."""
    return typed_validate(*arguments, **others)


def recorded(path):
    """The answer to the one call of the recording with this end of its path."""
    (answer,) = (
        call["answer"]
        for call in map(json.loads, GOLDEN.read_text().splitlines())
        if call["path"].endswith(path) and "FileStreamSource" in call["path"]
    )
    return answer


def comparable(definition):
    """A definition without the texts and versions, which are ours."""
    found = {key: value for key, value in definition.items() if key != "documentation"}
    return {**found, "default_value": None} if definition["name"].endswith(".version") else found


def shared(rows):
    """Those that Connect has too: dead letters of sources it has not."""
    return [row for row in rows if "deadletterqueue" not in (row.get("definition") or row)["name"]]


def values(infos):
    return {config["value"]["name"]: config["value"]["value"] for config in infos["configs"]}


def errors(raw, definition=ROWS, **others):
    found = validate("C", definition, raw, **others)
    return {c["value"]["name"]: c["value"]["errors"] for c in found["configs"] if c["value"]["errors"]}


def test_the_properties_of_a_plugin_are_shown_as_connect_shows_them():
    theirs, ours = recorded("/config"), shared(config_keys(SOURCE))
    assert [comparable(row) for row in ours] == [comparable(row) for row in theirs]
    assert [list(row) for row in ours] == [list(row) for row in theirs]


def test_a_configuration_is_validated_as_connect_does_it():
    theirs = recorded("/validate")
    ours = validate(
        FILE_SOURCE,
        SOURCE,
        {"connector.class": FILE_SOURCE, "tasks.max": "x"},
        defaults={"key.converter": JSON, "value.converter": JSON, "header.converter": SIMPLE},
    )
    assert {**ours, "configs": None} == {**theirs, "configs": None}
    assert list(ours) == list(theirs)
    for our, their in zip(shared(ours["configs"]), theirs["configs"], strict=True):
        assert comparable(our["definition"]) == comparable(their["definition"])
        if not our["value"]["name"].endswith(".version"):
            assert our["value"] == {**their["value"], "recommended_values": []}


def test_recommended_values_are_shown():
    found = validate("C", SOURCE, VALID, recommended={"key.converter": ("a.B", "c.D")})
    (row,) = (c["value"] for c in found["configs"] if c["value"]["name"] == "key.converter")
    assert row["recommended_values"] == ["a.B", "c.D"]


def test_a_refused_configuration_is_told_in_connects_words():
    (theirs,) = (
        call["answer"]["message"]
        for call in map(json.loads, GOLDEN.read_text().splitlines())
        if "contains the following 2 error(s)" in json.dumps(call)
    )
    found = validate("C", SOURCE, {**VALID, "tasks.max": "none"})
    error = failure(errors_of(found))
    assert str(error) == theirs
    assert error.status == 400
    assert str(failure([Problem("a", "A is wrong", "Mend it.")])).splitlines()[1] == "A is wrong. Mend it."


@pytest.mark.parametrize(
    ("name", "text", "texts"),
    [
        ("int", "x", ["Not a number of type INT", None]),
        ("int", "3000000000", ["Not a number of type INT", None]),
        ("int", "0", ["Value must be at least 1"]),
        ("port", "-1", ["Value must be at least 0"]),
        ("port", "65536", ["Value must be no more than 65535"]),
        ("long", "1.5", ["Not a number of type LONG"]),
        ("double", "x", ["Not a number of type DOUBLE"]),
        ("boolean", "yes", ["Expected value to be either true or false"]),
        ("word", "al", ["String must be one of: none, all. Did you mean all?"]),
        ("word", "some", ["String must be one of: none, all (it is not supported yet)"]),
    ],
)
def test_a_value_that_cannot_be_read_is_refused_in_kafkas_words(name, text, texts):
    null = f"Invalid value null for configuration {name}: Value must be non-null"
    expected = [f"Invalid value {text} for configuration {name}: {each}" if each else null for each in texts]
    assert errors({name: text}) == {name: expected}


@pytest.mark.parametrize(
    ("name", "text", "shown"),
    [
        ("int", "x", None),
        ("int", "+07", "7"),
        ("int", "0", "0"),
        ("boolean", "TRUE", "true"),
        ("words", "a , b,", "a,b"),
        ("word", "ALL", "ALL"),
        ("text", "", ""),
        ("former.text", "old", "old"),
        ("password", "hunter2", MASK),
    ],
)
def test_a_value_is_shown_as_it_was_read(name, text, shown):
    assert values(validate("C", ROWS, {name: text}))[name.removeprefix("former.")] == shown


def test_an_unknown_name_is_an_error_of_its_own_with_the_nearest_name():
    found = validate("C", SOURCE, {**VALID, "topik": "x", "wholly.unknown": "x"})
    assert found["error_count"] == 2
    assert [config["definition"] for config in found["configs"][:2]] == [None, None]
    texts = [config["value"]["errors"] for config in found["configs"][:2]]
    assert texts[0] == ["topik is not a known property. Did you mean topic?"]
    assert texts[1][0].startswith("wholly.unknown is not a known property.")


def test_everything_that_is_wrong_is_said_at_once():
    raw = {"int": "x", "boolean": "x", "late": "x", "text": "a", "former.text": "b", "unknown": "x"}
    found = errors(raw, problems=[Problem("former.text", "It is wrong", "Mend it.")])
    assert list(found) == ["unknown", "int", "boolean", "text", "late"]
    assert found["text"] == [
        "text and former.text are the same property with different values. Keep one of them.",
        "It is wrong. Mend it.",
    ]
    assert "is not supported yet" in found["late"][0]


def test_a_rule_over_several_properties_is_said_beside_what_is_wrong_with_one():
    found = errors({"name": "n", "connector.class": "C", "topics": "a", "topics.regex": "b"}, for_sink(FILE))
    assert (
        found["topics"]
        == found["topics.regex"]
        == ["topics and topics.regex are mutually exclusive options, but both are set. Set one of them."]
    )
    assert found["topic"] == ['Missing required configuration "topic" which has no default value.']


def test_what_a_provider_brought_is_in_no_answer():
    raw = {
        "int": "${p:number}",
        "port": "${p:high}",
        "word": "${p:word}",
        "text": "x-${p:host}",
        "words": "${p:host},b",
        "password": "${p:host}",
    }
    brought = {"number": "4711x", "high": "70000", "word": "hunter2", "host": "db.hunter2.example"}
    problem = Problem("text", "x-db.hunter2.example cannot be reached, nor db.hunter2.example:5432", "Start it.")
    found = validate("C", ROWS, raw, [problem], providers={"p": lambda _, key: brought[key]})
    shown = json.dumps(found)
    assert not [text for text in brought.values() if text in shown]
    assert {name: values(found)[name] for name in raw} == {**raw, "password": MASK}
    texts = errors_of(found)
    assert f"Invalid value {MASK} for configuration int: Not a number of type INT" in texts
    assert f"Invalid value {MASK} for configuration port: Value must be no more than 65535" in texts
    assert f"Invalid value {MASK} for configuration word: String must be one of: none, all" in texts
    assert f"{MASK} cannot be reached, nor {MASK}:5432. Start it." in texts


def test_a_password_is_in_no_answer_whoever_repeats_it():
    problem = Problem("text", "login with 'hunter2' failed", "Correct it.")
    found = validate("C", ROWS, {"password": "hunter2"}, [problem])
    assert "hunter2" not in json.dumps(found)
    assert errors_of(found) == [f"login with '{MASK}' failed. Correct it."]


def test_a_reference_that_cannot_be_replaced_is_the_only_error_of_its_property(monkeypatch):
    monkeypatch.delenv("CDC_ABSENT", raising=False)
    found = errors({"int": "${env:CDC_ABSENT}", "former.text": "${vault:x}", "boolean": "x"})
    assert len(found["int"]) == len(found["text"]) == 1
    assert "the environment variable CDC_ABSENT is not set" in found["int"][0]
    assert "there is no provider 'vault'" in found["text"][0]
    assert "boolean" in found


def test_who_refers_to_a_provider_on_a_worker_without_any_is_told_where_they_are_set():
    (text,) = errors({"text": "${env:HOME}"}, providers={})["text"]
    assert "there is no provider 'env'" in text
    assert "config.providers" in text


def test_what_the_worker_adds_counts_and_is_not_shown():
    needed = {"connector.class": "C", "name": "n"}
    found = validate("C", SOURCE, needed, inherited={"topic": "hunter2", "key.converter": "hunter2"})
    assert found["error_count"] == 0
    assert "hunter2" not in json.dumps(found)
    wrong = errors({}, inherited={"int": "4711x"})["int"]
    assert wrong[0] == f"Invalid value {MASK} for configuration int: Not a number of type INT"


def test_a_definition_of_anything_else_than_a_connector_is_shown_too():
    assert [row["name"] for row in config_keys(FILE)] == ["file", "topic", "batch.size"]
    assert {row["group"] for row in config_keys(FILE)} == {None}
