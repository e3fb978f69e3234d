"""What takes effect of a connector's configuration on a worker, and what is shown of it."""

from __future__ import annotations

import pytest

from cdc.config.definition import InvalidConfig
from cdc.config.postgres import POSTGRES
from cdc.connect.effective import effective

CLIENT = {"bootstrap.servers": "broker:9092", "offset.storage.topic": "offsets", "batch.size": "70000"}
CONVERTERS = {
    "key.converter": "string",
    "key.converter.encoding": "UTF-8",
    "value.converter": "json",
    "value.converter.schemas.enable": "false",
}


def found(client=CLIENT, **given):
    properties = {name.replace("_", "."): text for name, text in given.items()}
    return effective("files", properties, CONVERTERS, client, {"vault": lambda _path, key: f"secret of {key}"})


def test_the_worker_speaks_for_all_connectors_and_each_may_speak_for_itself():
    assert found(file="a.txt").values == {**CONVERTERS, "file": "a.txt", "name": "files"}


def test_a_converter_of_its_own_comes_without_the_workers_properties_for_that_side():
    values = found(value_converter="string").values
    assert "value.converter.schemas.enable" not in values
    assert values["key.converter.encoding"] == "UTF-8"


def test_the_settings_of_kafka_are_those_of_worker_and_connector_together():
    settings = found(producer_override_compression_type="none", topic_creation_default_partitions="3").kafka()
    assert settings.bootstrap_servers == ("broker:9092",)
    assert settings.topics.partitions == 3
    assert settings.offset_topic == "offsets"
    assert settings.compression == "none"


def test_a_connector_may_override_what_the_worker_says():
    settings = found({**CLIENT, "compression.type": "gzip"}, producer_override_compression_type="none").kafka()
    assert settings.compression == "none"


def test_a_property_of_the_connector_with_the_name_of_one_of_the_client_is_its_own():
    connector = found(batch_size="500")
    assert connector.values["batch.size"] == "500"
    assert connector.kafka().batch_bytes == 70000
    assert "batch.size" not in found().values


def test_a_worker_that_creates_no_topics_has_none_created():
    assert not found({**CLIENT, "topic.creation.enable": "false"}, topic_creation_enable="true").kafka().topics.create


def test_a_connector_may_have_an_offset_topic_of_its_own():
    assert found(offsets_storage_topic="own").kafka().offset_topic == "own"


def test_the_first_task_has_the_transactional_id_of_a_connector_that_runs_alone_and_others_their_own():
    ids = [found().kafka(task).transactional_id for task in (0, 1, 2)]
    assert ids == ["cdcstream-files", "cdcstream.1-files", "cdcstream.2-files"]
    taken = [
        effective(name, {}, CONVERTERS, CLIENT, {}).kafka(task).transactional_id
        for name in ("a", "a-1")
        for task in (0, 1)
    ]
    assert len({*taken}) == 4


def test_outages_are_waited_for_as_the_connector_says():
    assert found(errors_max_retries="0").pipeline().max_retries == 0


def test_what_cannot_be_used_is_said_with_its_property():
    with pytest.raises(InvalidConfig, match=r"batch\.size"):
        found(producer_override_batch_size="many").kafka()


def test_a_definition_is_asked_only_about_what_it_knows_or_the_connector_says():
    shop = effective("shop", {"slot.nam": "x"}, CONVERTERS, {**CLIENT, "rest.port": "1"}, {})
    assert shop.known_to(POSTGRES)["slot.nam"] == "x"
    assert "bootstrap.servers" not in shop.known_to(POSTGRES)
    assert shop.with_client(POSTGRES)["bootstrap.servers"] == "broker:9092"
    assert "rest.port" not in shop.with_client(POSTGRES)


@pytest.mark.parametrize("name", ["bootstrap.servers", "producer.override.bootstrap.servers"])
def test_what_a_connector_says_by_any_name_stands_for_what_the_worker_says(name):
    shop = effective("shop", {name: "other:1"}, CONVERTERS, CLIENT, {})
    assert POSTGRES.examine(shop.with_client(POSTGRES))[0].list("bootstrap.servers") == ("other:1",)


def test_secrets_take_effect_and_are_written_as_references():
    connector = found(file="${vault:f}", topic="t")
    assert connector.values["file"] == "secret of f"
    assert connector.secret == {"file"}
    task = {"file": "secret of f", "topic": "t", "task.url": "http://secret of f/", "task.class": "T"}
    written = connector.written(task)
    assert written == {"file": "${vault:f}", "topic": "t", "task.url": "http://${vault:f}/", "task.class": "T"}
    assert task.items() <= connector.read(written).items()
