"""What goes together in a pipeline, by the configuration."""

from __future__ import annotations

import pytest

from cdc.config import ConnectorConfig
from cdc.config.settings import ConvertingFailure
from cdc.errors import ConfigError
from cdc.pipeline import assembly, databases
from cdc.pipeline.encoding import DirectEncoder
from cdc.pipeline.status import PipelineStatus
from cdc.sources.columns.converter import ColumnConverters
from tests.unit.config.minimal import MINIMAL


def config(**given):
    return ConnectorConfig.from_raw({**MINIMAL, **{name.replace("_", "."): text for name, text in given.items()}})


@pytest.fixture
def sources(monkeypatch):
    """The settings of the sources that are made."""
    made = []

    class Log:
        def __init__(self, settings, *, resumed, converters):
            self.partition = {"server": "p"}
            self.resumed = resumed
            made.append(settings)

    monkeypatch.setattr(databases, "PostgresLog", Log)
    return made


def session_of(found, **options):
    pipeline = assembly.build_pipeline(found, **options)
    return pipeline._new_session(PipelineStatus())


@pytest.mark.parametrize("given", [{"transforms": "a", "transforms_a_type": "X"}, {"key_converter": "StringConverter"}])
def test_what_needs_plugins_is_refused_where_there_are_none(given):
    with pytest.raises(ConfigError, match="transforms, post processors or converters that need plugins"):
        assembly.build_pipeline(config(**given))
    assembly.build_pipeline(config(**given), new_encoder=lambda converter, rows: DirectEncoder(converter))


@pytest.mark.parametrize(
    ("mode", "with_encoder", "kept"),
    [
        ("fail", True, ConvertingFailure.KEEP),
        ("fail", False, ConvertingFailure.FAIL),
        ("warn", True, ConvertingFailure.WARN),
    ],
)
def test_what_the_decoder_would_fail_at_is_kept_for_an_encoder_with_an_error_policy(sources, mode, with_encoder, kept):
    made = []

    def new_encoder(converter, rows):
        made.append(rows)
        return DirectEncoder(converter)

    found = config(event_converting_failure_handling_mode=mode)
    session_of(found, new_encoder=new_encoder if with_encoder else None)
    assert [settings.converting_failure for settings in sources] == [kept]
    assert len(made) == with_encoder


def test_a_session_after_the_snapshot_is_told_of_it(sources):
    """Or a mode that takes one at each start would take another after each outage."""
    told = []
    pipeline = assembly.build_pipeline(config(), on_source=lambda source: told.append(vars(source)["resumed"]))
    status = PipelineStatus()
    pipeline._new_session(status)
    status.start(1.0, snapshot=True)
    pipeline._new_session(status)
    status.end_snapshot(2.0)
    pipeline._new_session(status)
    assert told == [False, False, True]


def test_converters_of_columns_go_to_every_source_and_are_refused_where_there_are_no_plugins(sources):
    found = config(converters="a", a_type="X")
    with pytest.raises(ConfigError, match="need plugins"):
        assembly.build_pipeline(found, new_encoder=lambda converter, rows: DirectEncoder(converter))
    assert session_of(found, columns=ColumnConverters())


@pytest.mark.parametrize(
    ("given", "topic"),
    [({}, "__debezium-heartbeat.p"), ({"topic_heartbeat_name": "beats"}, "beats")],
)
def test_the_heartbeat_topic_has_the_name_that_is_given_or_one_of_prefixes(sources, given, topic):
    session = session_of(config(topic_prefix="p", heartbeat_interval_ms="1000", **given))
    assert session._heartbeat is not None
    assert session._heartbeat.topic == topic
