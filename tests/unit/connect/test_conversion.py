"""Converters and transforms as a configuration names them: made, configured, and refused with the property at fault."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cdc.config.definition import Definition, InvalidConfig
from cdc.config.property import Problem, Property, Type
from cdc.connect.aliases import BuiltIn, Kind
from cdc.connect.conversion import conversion
from cdc.connect.effective import Effective
from cdc.connect.plugins import Plugins
from cdc.model.connect_record import SourceRecord

HERE = "tests.unit.connect.test_conversion"
PARTS = {"key.converter": "string", "value.converter": "json", "header.converter": "simple"}


class Suffix:
    """Puts a suffix behind the topic."""

    definition = Definition([Property("suffix", Type.STRING, "", "What to add.")])

    def configure(self, properties):
        self.suffix = self.definition.parse(properties).string("suffix")

    def apply(self, record):
        return replace(record, topic=record.topic + self.suffix)

    def close(self):
        pass


class IsFirst:
    """True of the record whose value is 1."""

    definition = Definition([])

    def configure(self, properties):
        self.definition.parse(properties)

    def test(self, record):
        return record.value == 1

    def close(self):
        pass


class Raising:
    """Cannot be made."""

    definition = Definition([])

    def __init__(self):
        raise ZeroDivisionError("division by zero")

    def configure(self, properties): ...

    def apply(self, record): ...

    def close(self): ...


@pytest.fixture(scope="module")
def plugins():
    ours = [
        BuiltIn("org.example.Suffix", f"{HERE}:Suffix", (Kind.TRANSFORMATION,)),
        BuiltIn("org.example.Raising", f"{HERE}:Raising", (Kind.TRANSFORMATION,)),
        BuiltIn("org.example.IsFirst", f"{HERE}:IsFirst", (Kind.PREDICATE,)),
        BuiltIn("string", "cdc.converters.string:StringConverter", (Kind.CONVERTER,)),
        BuiltIn("json", "cdc.converters.value_json:ConnectJsonConverter", (Kind.CONVERTER,)),
        BuiltIn("simple", "cdc.converters.simple_header:SimpleHeaderConverter", (Kind.HEADER_CONVERTER,)),
    ]
    return Plugins.discover((), ours)


def made(plugins, **values):
    found = {**PARTS, **{name.replace("_", "."): text for name, text in values.items()}}
    return conversion(plugins, Effective("c", found, found, frozenset(), {}))


def problems(plugins, **values):
    with pytest.raises(InvalidConfig) as caught:
        made(plugins, **values)
    return caught.value.problems


def test_each_side_has_the_converter_that_is_named_with_its_own_properties(plugins):
    found = made(plugins, value_converter_schemas_enable="false")
    assert found.key.from_connect_data("t", None, "k") == b"k"
    assert found.value.from_connect_data("t", None, {"a": 1}) == b'{"a":1}'
    assert found.header.from_connect_header("t", "h", None, "v") == b"v"


def test_transforms_apply_in_order_each_where_its_predicate_says(plugins):
    chain = made(
        plugins,
        transforms="a, b, c",
        transforms_a_type="Suffix",
        transforms_a_suffix="-a",
        transforms_b_type="Suffix",
        transforms_b_suffix="-b",
        transforms_b_predicate="first",
        transforms_c_type="Suffix",
        transforms_c_suffix="-c",
        transforms_c_predicate="first",
        transforms_c_negate="true",
        predicates="first",
        predicates_first_type="IsFirst",
    ).chain
    topics = [chain.apply(SourceRecord(topic="t", value=value)).topic for value in (1, 2)]
    assert topics == ["t-a-b", "t-a-c"]


def test_everything_that_cannot_be_made_is_said_at_once_at_its_property(plugins):
    found = problems(
        plugins,
        key_converter="strin",
        value_converter_schemas_enable="maybe",
        transforms="a,b,c",
        transforms_a_type="Suffix",
        transforms_a_sufix="-a",
        transforms_b_type="Raising",
        transforms_c_type="Suffix",
        transforms_c_predicate="none",
        transforms_c_negate="perhaps",
    )
    assert [problem.name for problem in found] == [
        "key.converter",
        "value.converter.schemas.enable",
        "transforms.a.sufix",
        "transforms.b.type",
        "transforms.c.predicate",
        "transforms.c.negate",
    ]
    assert "division by zero" in found[3].fact
    assert found[1].fact == "value.converter.schemas.enable = 'maybe' is not a boolean"
    assert found[2].fact == "transforms.a.sufix is not a known property"


def test_a_side_without_a_converter_is_a_problem(plugins):
    assert problems(plugins, header_converter="") == (
        Problem("header.converter", "header.converter is not set", "Name a class."),
    )
