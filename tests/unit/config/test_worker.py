"""What a worker's file may say, and what it means."""

from __future__ import annotations

import pytest

from cdc.config.files import parse_properties
from cdc.config.worker import StorageTopic, WorkerSettings
from cdc.config.worker_properties import DISTRIBUTED, STANDALONE
from tests.unit.config.worker_file import KAFKAS_DISTRIBUTED, problems, settings

# Kafka's own config/connect-standalone.properties, version 4.3, without its comments.
KAFKAS_STANDALONE = """\
bootstrap.servers=localhost:9092
key.converter=org.apache.kafka.connect.json.JsonConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
key.converter.schemas.enable=true
value.converter.schemas.enable=true
offset.storage.file.filename=/tmp/connect.offsets
offset.flush.interval.ms=10000
plugin.path=/usr/local/share/java,/usr/local/share/kafka/plugins
"""
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"


def test_kafkas_own_standalone_file_is_taken():
    found = WorkerSettings.from_raw(parse_properties(KAFKAS_STANDALONE))
    assert [str(path) for path in found.plugin_path] == ["/usr/local/share/java", "/usr/local/share/kafka/plugins"]
    assert found.converters == {
        "key.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "header.converter": "org.apache.kafka.connect.storage.SimpleHeaderConverter",
        "key.converter.schemas.enable": "true",
        "value.converter.schemas.enable": "true",
    }
    assert found.offset_flush_interval == 10
    assert found.notice == "Accepted, but without effect here: offset.storage.file.filename."


def test_a_standalone_worker_takes_the_file_of_a_distributed_one_and_names_what_only_a_cluster_reads():
    found = WorkerSettings.from_raw(parse_properties(KAFKAS_DISTRIBUTED))
    assert found.offset_topic == StorageTopic("connect-offsets", 1, 1)
    assert found.cluster is None
    assert found.notice == (
        "Accepted, but without effect here: group.id, config.storage.topic, config.storage.replication.factor,"
        " status.storage.topic, status.storage.replication.factor."
    )


def test_what_a_cluster_would_read_is_without_effect():
    raw = {
        "session.timeout.ms": "6000",
        "heartbeat.interval.ms": "2000",
        "rebalance.timeout.ms": "60000",
        "scheduled.rebalance.max.delay.ms": "0",
        "config.storage.partitions": "1",
        "status.storage.partitions": "2",
        "exactly.once.source.support": "disabled",
    }
    assert all(name in WorkerSettings.from_raw(raw).notice for name in raw)


def test_offsets_have_a_topic_without_being_asked_for_one():
    assert settings().offset_topic.name == "cdc-stream-offsets"


def test_everything_that_is_wrong_is_said_at_once_with_the_nearest_name():
    found = problems(
        {
            "plugins.path": "/x",
            "offset.flush.interval.ms": "soon",
            "producer.compresion.type": "zstd",
            "producer.acks": "1",
            "consumer.max.poll.records": "0",
            "admin.batch.size": "1",
            "consumer.group.id": "mine",
            "consumer.isolation.level": "read_uncommitted",
            "bootstrap.servers": "kafka",
        }
    )
    assert found["plugins.path"] == "plugins.path is not a known property. Did you mean plugin.path?"
    assert "is not a whole number" in found["offset.flush.interval.ms"]
    assert found["producer.compresion.type"].endswith("Did you mean producer.compression.type?")
    assert found["producer.acks"] == "producer.acks = '1' is not one of its values. Give one of all, -1."
    assert "is out of range" in found["consumer.max.poll.records"]
    assert "is not a known property" in found["admin.batch.size"]
    assert "not host:port" in found["bootstrap.servers"]
    assert "is not supported yet" in found["consumer.group.id"]
    assert "is not supported yet" in found["consumer.isolation.level"]
    assert len(found) == 9


def test_what_tunes_something_that_does_not_exist_here_is_accepted_and_named():
    found = settings(
        rest_extension_classes="a.B",
        metric_reporters="c.D",
        connect_protocol="eager",
        producer_linger_ms="5",
        admin_security_protocol="SASL_SSL",
    )
    assert found.notice.startswith("Accepted, but without effect here: ")
    named = (
        "rest.extension.classes",
        "metric.reporters",
        "connect.protocol",
        "producer.linger.ms",
        "admin.security.protocol",
    )
    assert [name for name in named if name not in found.notice] == []


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("All", "All"),
        ("none", "None"),
        ("Principal", "Principal"),
        ("org.apache.kafka.connect.connector.policy.NoneConnectorClientConfigOverridePolicy", "None"),
        ("PrincipalConnectorClientConfigOverridePolicy", "Principal"),
    ],
)
def test_the_policy_of_overrides_is_taken_by_its_short_and_by_its_class_name(text, policy):
    assert settings(connector_client_config_override_policy=text).override_policy == policy


@pytest.mark.parametrize("text", ["Allowlist", "org.example.MyPolicy"])
def test_other_policies_are_refused(text):
    assert "connector.client.config.override.policy" in problems({"connector.client.config.override.policy": text})


def test_passwords_are_in_no_text_of_the_settings():
    login = f'{PLAIN} required username="u" password="hunter2";'
    found = settings(
        security_protocol="SASL_SSL",
        sasl_mechanism="PLAIN",
        sasl_jaas_config=login,
        rest_token="hunter2",
        rest_basic_auth="u:hunter2",
        producer_sasl_jaas_config=login,
        consumer_ssl_keystore_key="hunter2",
    )
    assert "hunter2" not in repr(found)
    assert "hunter2" in found.kafka_properties()["sasl.jaas.config"]


def test_a_reference_in_the_file_is_replaced_and_masked(tmp_path, monkeypatch):
    monkeypatch.setenv("CDC_TEST_SERVERS", "hunter2:1")
    found = WorkerSettings.from_raw({"bootstrap.servers": "${env:CDC_TEST_SERVERS}"})
    assert found.kafka_properties()["bootstrap.servers"] == "hunter2:1"
    assert found.masked == {"bootstrap.servers": "********"}
    assert found.providers == {}


@pytest.mark.parametrize("definition", [STANDALONE, DISTRIBUTED])
def test_every_default_is_accepted_when_it_is_written_down(definition):
    defaults = {p.name: p.default for p in definition.properties if isinstance(p.default, str)}
    found = WorkerSettings.from_raw(
        {**parse_properties(KAFKAS_DISTRIBUTED), **defaults}, distributed=definition is DISTRIBUTED
    )
    assert found.rest == settings().rest


def test_no_property_of_java_is_without_a_reason():
    for row in (*STANDALONE.properties, *DISTRIBUTED.properties):
        assert row.doc
        assert row.group
        assert row.status.value != "without effect" or row.reason, row.name
