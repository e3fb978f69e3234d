"""Post processors: what reads columns again, what is a plugin, and what is refused."""

from __future__ import annotations

import pytest

from cdc.config.mysql import MYSQL
from cdc.config.post_processors import ReselectSettings, plugin_names, properties_of, type_of
from cdc.config.postgres import POSTGRES
from tests.unit.config.minimal import MINIMAL

RESELECT = "io.debezium.processors.reselect.ReselectColumnsPostProcessor"


def config(**more):
    return POSTGRES.parse({**MINIMAL, **{name.replace("_", "."): text for name, text in more.items()}})


@pytest.mark.parametrize("prefix", ["post_processors_rs_", "rs_"])
def test_the_properties_stand_under_the_name_or_under_the_list_and_the_name(prefix):
    more = {"type": RESELECT, "reselect_columns_include_list": r"public\.a:b", "reselect_null_values": "false"}
    found = ReselectSettings.from_config(config(post_processors="rs", **{prefix + name: t for name, t in more.items()}))
    assert found is not None
    assert (found.columns.matches("public.a:b"), found.columns.matches("public.a:c")) == (True, False)
    assert (found.unavailable, found.nulls, found.use_event_key, found.fail) == (True, False, False, False)


def test_nothing_is_read_again_unless_a_post_processor_says_so():
    assert ReselectSettings.from_config(config()) is None


def test_others_are_plugins():
    found = config(
        post_processors="a,rs",
        a_type="my.Thing",
        a_size="3",
        rs_type="ReselectColumns",
        rs_reselect_error_handling_mode="FAIL",
    )
    assert plugin_names(found) == ("a",)
    assert (type_of(found, "a"), properties_of(found, "a")) == (("a.type", "my.Thing"), {"size": "3"})
    reselect = ReselectSettings.from_config(found)
    assert reselect is not None
    assert reselect.fail


@pytest.mark.parametrize(
    ("more", "name", "fact"),
    [
        ({}, "post.processors.rs.type", "is not set"),
        ({"rs.type": RESELECT, "rs.reselect.null.values": "maybe"}, "rs.reselect.null.values", "is not a boolean"),
        ({"rs.type": RESELECT, "rs.reselect.nulls": "true"}, "rs.reselect.nulls", "is not a known property"),
        (
            {"rs.type": RESELECT, "rs.reselect.columns.include.list": "a", "rs.reselect.columns.exclude.list": "b"},
            "rs.reselect.columns.include.list",
            "are both set",
        ),
        ({"post.processors": "rs,rt", "rs.type": RESELECT, "rt.type": RESELECT}, "post.processors", "names 2"),
    ],
)
def test_what_cannot_be_used_is_refused_at_its_property(more, name, fact):
    _, problems = POSTGRES.examine({**MINIMAL, "post.processors": "rs", **more})
    assert any(problem.name == name and fact in problem.fact for problem in problems), problems


def test_mysql_has_them_as_well():
    found = MYSQL.examine({"post.processors": "a,rs", "a.type": "my.Thing", "rs.type": RESELECT})[1]
    assert [problem.fact for problem in found if problem.name == "post.processors"] == []
