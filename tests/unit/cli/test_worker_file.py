"""What `cdc-stream doctor --worker` looks at: the connector as it takes effect on the worker of a file."""

from __future__ import annotations

import pytest

from cdc.cli.worker_file import connector_on_worker
from cdc.config.definition import InvalidConfig
from cdc.connect.herder import RequestError

CONNECTOR = {
    "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
    "database.hostname": "db.example",
    "database.user": "cdc",
    "database.dbname": "shop",
    "topic.prefix": "shop",
}


@pytest.fixture
def worker(tmp_path):
    """Return a function that writes a worker's file, with `_` for `.` in names."""

    def write(**more):
        given = {
            "bootstrap.servers": "broker.example:9092",
            "offset.storage.topic": "worker-offsets",
            "key.converter": "org.apache.kafka.connect.json.JsonConverter",
            "value.converter": "org.apache.kafka.connect.json.JsonConverter",
            **{name.replace("_", "."): text for name, text in more.items()},
        }
        file = tmp_path / "worker.properties"
        file.write_text("".join(f"{name}={text}\n" for name, text in given.items()))
        return file

    return write


def found(file, given=None, **more):
    config = {**CONNECTOR, **{name.replace("_", "."): text for name, text in more.items()}}
    return connector_on_worker(file, given or {}, "shop", config)


def test_the_workers_brokers_topic_of_offsets_and_login_count(worker):
    login = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="ann" password="pw";'
    kafka = found(worker(security_protocol="SASL_SSL", sasl_mechanism="PLAIN", sasl_jaas_config=login)).kafka
    assert (kafka.bootstrap_servers, kafka.offset_topic) == (("broker.example:9092",), "worker-offsets")
    assert (kafka.security.protocol, kafka.security.username) == ("SASL_SSL", "ann")
    assert kafka.transactional_id == "cdcstream-shop"


def test_what_the_connector_overrides_counts_before(worker):
    file = worker(connector_client_config_override_policy="All")
    kafka = found(file, **{"producer.override.bootstrap.servers": "other.example:9092"}).kafka
    assert kafka.bootstrap_servers == ("other.example:9092",)


def test_brokers_that_are_given_count_before_those_of_the_file(worker):
    assert found(worker(), {"bootstrap.servers": "here:1"}).kafka.bootstrap_servers == ("here:1",)


def test_the_workers_config_providers_bring_secrets(worker, tmp_path):
    (tmp_path / "secrets.properties").write_text("password=s3cret\n")
    file = worker(config_providers="vault", config_providers_vault_class="FileConfigProvider")
    source = found(file, **{"database.password": f"${{vault:{tmp_path}/secrets.properties:password}}"}).source
    assert source.password.reveal() == "s3cret"


def test_a_file_of_a_worker_in_a_cluster_is_known_by_its_group(worker):
    file = worker(group_id="g", config_storage_topic="configs", status_storage_topic="statuses")
    assert found(file).kafka.offset_topic == "worker-offsets"
    with pytest.raises(InvalidConfig, match=r"status\.storage\.topic"):
        found(worker(group_id="g", config_storage_topic="configs"))


def test_a_connector_that_reads_no_log_is_refused_by_its_class(worker):
    with pytest.raises(RequestError, match="not one that reads a database's log"):
        connector_on_worker(worker(), {}, "lines", {"connector.class": "FileStreamSource", "file": "a", "topic": "t"})
