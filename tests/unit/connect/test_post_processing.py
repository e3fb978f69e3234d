"""Post processors in a connector's chain: which records they see, and how they are made."""

from __future__ import annotations

from typing import ClassVar

import pytest

from cdc.config.definition import Definition, InvalidConfig
from cdc.config.property import Property, Type
from cdc.connect.conversion import conversion
from cdc.connect.effective import Effective
from cdc.connect.plugins import Plugins
from cdc.connect.post_processing import PostProcessing
from cdc.model.connect_record import SourceRecord
from cdc.model.schema import INT64, STRING, Field, struct
from cdc.sources.columns.converter import RelationalColumn
from cdc.testing.conformance.column_converter import ColumnConverterConformance
from cdc.testing.conformance.post_processor import PostProcessorConformance

OWN = '''
from cdc.config.definition import Definition
from cdc.config.property import Property, Type
from cdc.model.schema import STRING


class Stars:
    """A post processor."""

    definition = Definition([Property("column", Type.STRING, "name", "Column that is replaced.")])

    def configure(self, properties):
        self.column = self.definition.parse(properties).string("column")

    def process(self, key, value):
        if value["after"] is not None and self.column in value["after"]:
            value["after"][self.column] = "***"

    def close(self): ...


class Upper:
    """A custom converter."""

    definition = Definition([])

    def configure(self, properties):
        self.definition.parse(properties)

    def converter_for(self, column, registration):
        if column.type_name == "text":
            registration.register(STRING, lambda text: text and text.upper())


cdc_plugins = [Stars, Upper]
'''
BASE = {"key.converter": "json", "value.converter": "json", "header.converter": "simple"}
ROW = struct("t.Value", [Field("id", INT64), Field("name", STRING.as_optional())], optional=True)
ENVELOPE = struct("t.Envelope", [Field("before", ROW), Field("after", ROW), Field("op", STRING)], version=2)
EVENT = {"before": None, "after": {"id": 1, "name": "a"}, "op": "c"}


@pytest.fixture
def plugins(tmp_path, monkeypatch):
    (tmp_path / "own_of_columns.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    return Plugins.discover([tmp_path])


def effective(**more):
    values = {**BASE, **{name.replace("_", "."): text for name, text in more.items()}}
    return Effective("c", values, values, frozenset(), {})


def test_events_are_processed_before_the_transforms_and_other_records_are_not(plugins):
    chain = conversion(plugins, effective(post_processors="s", s_type="Stars", post_processors_s_column="name")).chain
    event = SourceRecord(topic="t", value=EVENT, value_schema=ENVELOPE)
    processed = chain.apply(event)
    assert processed is not None
    assert processed.value == {"before": None, "after": {"id": 1, "name": "***"}, "op": "c"}
    assert event.value == {"before": None, "after": {"id": 1, "name": "a"}, "op": "c"}
    for other in (SourceRecord(topic="t"), SourceRecord(topic="t", value={"after": EVENT["after"]}, value_schema=ROW)):
        assert chain.apply(other) is other


def test_converters_are_made_in_their_order(plugins):
    found = conversion(plugins, effective(converters="u", u_type="Upper")).columns
    assert found
    assert not conversion(plugins, effective()).columns


@pytest.mark.parametrize(
    ("more", "name", "fact"),
    [
        ({"post_processors": "s", "s_type": "Absent"}, "s.type", "which name matches Absent"),
        ({"post_processors": "s", "s_type": "Stars", "s_size": "1"}, "s.size", "is not a known property"),
        ({"converters": "u"}, "u.type", "is not set"),
        ({"converters": "u", "u_type": "Stars"}, "u.type", "implements ColumnConverter"),
        ({"converters": "u", "u_type": "Upper", "u_size": "1"}, "u.size", "is not a known property"),
    ],
)
def test_what_cannot_be_made_is_a_problem_at_its_property(plugins, more, name, fact):
    with pytest.raises(InvalidConfig) as caught:
        conversion(plugins, effective(**more))
    assert [(p.name, fact in p.fact) for p in caught.value.problems] == [(name, True)]


def test_what_reads_columns_again_is_no_plugin(plugins):
    found = effective(post_processors="r", r_type="io.debezium.processors.reselect.ReselectColumnsPostProcessor")
    event = SourceRecord(topic="t", value=EVENT, value_schema=ENVELOPE)
    assert conversion(plugins, found).chain.apply(event) is event


def test_they_are_not_listed_as_plugins_of_connect(plugins):
    assert not {"post_processor", "column_converter"} & {info.type for info in plugins.infos(connectors_only=False)}


class Stars:
    definition: ClassVar[Definition] = Definition([Property("column", Type.STRING, "name", "Column that is replaced.")])

    def configure(self, properties):
        self.column = self.definition.parse(properties).string("column")

    def process(self, key, value):
        if value["after"] is not None and self.column in value["after"]:
            value["after"][self.column] = "***"

    def close(self): ...


class InPlace(Stars):
    def process(self, key, value):
        value["after"]["tags"].append("x")


class Adding(Stars):
    def process(self, key, value):
        value["after"]["more"] = 1


class TestStars(PostProcessorConformance):
    @pytest.fixture
    def processor(self):
        return Stars

    @pytest.fixture
    def properties(self):
        return {"column": "name"}

    @pytest.fixture
    def events(self):
        return [({"id": 1}, EVENT)]


@pytest.mark.parametrize(
    ("cls", "test"),
    [
        (InPlace, PostProcessorConformance.test_what_values_hold_is_replaced_and_not_changed),
        (Adding, PostProcessorConformance.test_events_keep_their_fields),
    ],
)
def test_the_suite_finds_what_is_wrong(cls, test):
    with pytest.raises(AssertionError):
        test(PostProcessorConformance(), cls, {}, [(None, {"before": None, "after": {"tags": ["a"]}, "op": "c"})])


class Upper:
    definition = Definition([])

    def configure(self, properties):
        self.definition.parse(properties)

    def converter_for(self, column, registration):
        if column.type_name == "text":
            registration.register(STRING, lambda text: text and text.upper())


class TestUpper(ColumnConverterConformance):
    @pytest.fixture
    def converter(self):
        return Upper

    @pytest.fixture
    def properties(self):
        return {}

    @pytest.fixture
    def samples(self):
        return [(RelationalColumn("a", "s.t", "text", None, None, optional=True), "a", "A")]

    @pytest.fixture
    def others(self):
        return [RelationalColumn("b", "s.t", "int4", None, None, optional=True)]


def test_a_post_processor_is_closed_with_its_step():
    closed = []

    class Closing(Stars):
        def close(self):
            closed.append(self)

    PostProcessing(Closing()).close()
    assert len(closed) == 1
