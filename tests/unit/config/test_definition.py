import pytest

from cdc.config.definition import Definition, InvalidConfig, Prefix
from cdc.config.property import REQUIRED, Problem, Property, Status, Type, planned, without_effect
from cdc.config.validators import PATTERNS, between
from cdc.errors import ConfigError

UNCLOSED = "missing ), unterminated subpattern at position 1"

TABLE = Definition(
    (
        Property("host", Type.STRING, REQUIRED, "Where it is."),
        Property("port", Type.INT, "5432", "Which port.", validator=between(1, 65535), also=("override.port",)),
        Property("mode", Type.STRING, "initial", "How.", choices=("initial", "no_data"), planned=("always",)),
        Property("secret.key", Type.PASSWORD, None, "The key."),
        Property("tables", Type.STRING, "", "Which tables.", validator=PATTERNS),
        planned("columns", Type.STRING, "all", "Which columns.", reason="It changes the events."),
        planned("mask.with.salt.<salt>", Type.STRING, "", "A mask."),
        planned("converters", Type.LIST, "", "Converters."),
        without_effect("poll.ms", Type.LONG, "5", "A pause.", "nothing polls"),
    ),
    prefixes=(
        Prefix("transforms.", "Transforms."),
        Prefix("only.", "Sometimes.", lambda raw: raw.get("mode") == "no_data"),
    ),
    list_prefixes=("converters",),
    renamed={"server": "host"},
    rules=(lambda config: [Problem("port", "port 1 is taken", "Take 2.")] if config["port"] == 1 else [],),
)


def problems(raw, secret=()):
    return [p.sentence() for p in TABLE.examine(raw, secret)[1]]


def test_defaults_fill_what_is_not_given():
    config = TABLE.parse({"host": "h"})
    assert (config.string("host"), config.integer("port"), config.string("mode")) == ("h", 5432, "initial")
    assert not config.password("secret.key")
    assert config.is_set("host")
    assert not config.is_set("port")
    assert config.masked() == {"host": "h"}
    assert config.notice() == ""


def test_a_name_that_stands_twice_in_the_table_is_a_mistake_of_ours():
    row = Property("a", Type.STRING, "", "")
    with pytest.raises(ValueError, match="a stands in the table twice"):
        Definition((row, Property("b", Type.STRING, "", "", also=("a",))))


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        ({}, "host is not set. Set it: Where it is."),
        ({"host": "  "}, "host is not set. Set it: Where it is."),
        ({"host": "h", "prot": "1"}, "prot is not a known property. Did you mean port?"),
        ({"host": "h", "server": "x"}, "server is not a known property. Did you mean host?"),
        (
            {"host": "h", "xyz": "1"},
            "xyz is not a known property. Remove it; the reference page of properties lists all names.",
        ),
        ({"host": "h", "port": "x"}, "port = 'x' is not a whole number. Give a whole number from 1 to 65535."),
        ({"host": "h", "port": "65536"}, "port = '65536' is out of range. Give a whole number from 1 to 65535."),
        (
            {"host": "h", "mode": "inital"},
            "mode = 'inital' is not one of its values. Give one of initial, no_data. Did you mean initial?",
        ),
        ({"host": "h", "mode": "always"}, "mode = 'always' is not supported yet. Give one of initial, no_data."),
        (
            {"host": "h", "columns": "a"},
            "columns = 'a' is not supported yet. Remove it, or leave it at its default all. It changes the events.",
        ),
        ({"host": "h", "port": "1"}, "port 1 is taken. Take 2."),
        (
            {"host": "h", "port": "1", "override.port": "2"},
            "port and override.port are the same property with different values. Keep one of them.",
        ),
        (
            {"host": "h", "tables": "a("},
            f"tables = 'a(' holds the pattern 'a(', which cannot be used: {UNCLOSED}. Give {PATTERNS.requirement}.",
        ),
    ],
)
def test_what_is_wrong_is_said_with_value_and_remedy(raw, sentence):
    assert sentence in problems(raw)


def test_every_problem_is_listed_unknown_names_first():
    with pytest.raises(InvalidConfig) as caught:
        TABLE.parse({"mode": "x", "port": "0", "hots": "h"})
    error = caught.value
    assert isinstance(error, ConfigError)
    assert error.exit_code == 2
    assert [p.name for p in error.problems] == ["hots", "host", "port", "mode"]
    assert error.sentence() == "hots is not a known property. Did you mean host? 3 more to mend: host, port, mode."


def test_another_accepted_name_gives_the_same_property():
    assert TABLE.parse({"host": "h", "override.port": "7"}).integer("port") == 7
    assert TABLE.parse({"host": "h", "override.port": "7", "port": "7"}).integer("port") == 7


def test_a_planned_property_may_stand_at_its_default():
    assert TABLE.parse({"host": "h", "columns": " all "}).string("columns") == "all"


@pytest.mark.parametrize("text", ["7", " "])
def test_a_property_without_effect_is_reported(text):
    config = TABLE.parse({"host": "h", "poll.ms": text})
    assert config.notice() == "Accepted, but without effect here: poll.ms."


def test_a_value_that_debezium_would_not_read_either_is_refused():
    assert problems({"host": "h", "poll.ms": "x"}) == [
        "poll.ms = 'x' is not a whole number. Give a whole number of 64 bits."
    ]


def test_prefixes_hand_on_what_stands_beneath():
    config = TABLE.parse({"host": "h", "transforms.a.type": "T", "mode": "no_data", "only.x": "1"})
    assert config.beneath("transforms.") == {"a.type": "T"}
    assert problems({"host": "h", "only.x": "1"})[0].startswith("only.x is not a known property")


def test_the_items_of_a_list_of_plugins_open_a_prefix_each():
    assert problems({"host": "h", "converters": "a, b", "a.type": "T", "b.x": "1"}) == [
        "converters = 'a, b' is not supported yet. Remove it."
    ]


def test_secrets_appear_in_no_problem_and_no_masked_value():
    raw = {
        "host": "hunter2",
        "secret.key": "hunter2",
        "tables": "hunter2(",
        "port": "hunter2",
        "mode": "hunter2",
        "columns": "hunter2",
        "mask.with.salt.hunter2": "x",
        "mask.wth.salt.hunter2": "x",
        "transforms.a.password": "hunter2",
        "transforms.b.x": "hunter2",
    }
    config, found = TABLE.examine(raw, ("host", "tables", "port", "mode", "columns", "transforms.b.x"))
    assert len(found) == 6
    assert "hunter2" not in " ".join(p.name + p.sentence() for p in found)
    assert "hunter2" not in str(config.masked())
    assert config.masked()["host"] == "********"
    assert config.string("host") == "hunter2"


def test_a_hint_does_not_tell_what_a_secret_resembles():
    assert problems({"host": "h", "mode": "initia"}, ("mode",)) == [
        "mode = ******** is not accepted. Give one of initial, no_data."
    ]


def test_a_value_of_another_type_is_not_handed_out():
    config = TABLE.parse({"host": "h"})
    with pytest.raises(TypeError, match="host is not of the type int"):
        config.integer("host")
    with pytest.raises(KeyError):
        config.string("absent")


def test_each_status_is_one_of_three():
    assert {p.status for p in TABLE.properties} == set(Status)
