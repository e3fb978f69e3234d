"""What a worker says of Kafka, for all of its clients and for each."""

from __future__ import annotations

import pytest

from tests.unit.config.worker_file import problems, settings


@pytest.mark.parametrize("name", ["interceptor.classes", "partitioner.class"])
def test_java_classes_in_the_producer_are_refused(name):
    assert "is not supported yet" in problems({f"producer.{name}": "x.Y"})[f"producer.{name}"]


def test_connectors_inherit_what_the_worker_says_of_kafka_and_the_prefix_of_a_client_comes_before_it():
    found = settings(
        bootstrap_servers="a:1,b:2",
        security_protocol="SSL",
        ssl_ca_location="/ca.pem",
        producer_compression_type="lz4",
        producer_ssl_truststore_location="/other.pem",
        consumer_bootstrap_servers="c:3",
        consumer_max_poll_records="7",
    )
    common = {"bootstrap.servers": "a:1,b:2", "security.protocol": "SSL", "ssl.truststore.location": "/ca.pem"}
    assert found.kafka_properties() == {**common, "ssl.truststore.location": "/other.pem", "compression.type": "lz4"}
    assert found.kafka_properties("consumer") == {**common, "bootstrap.servers": "c:3", "max.poll.records": "7"}
    assert settings().kafka_properties() == {"bootstrap.servers": "localhost:9092"}


def test_a_client_is_made_of_the_workers_properties_and_the_overrides_of_a_connector():
    worker = settings(
        bootstrap_servers="a:1",
        offset_storage_topic="offsets",
        consumer_max_poll_records="7",
        producer_batch_size="4096",
        topic_creation_enable="false",
    )
    found = worker.kafka_settings("shop-0", {"bootstrap.servers": "b:2", "compression.type": "none"})
    assert found.transactional_id == "cdcstream-shop-0"
    assert (found.bootstrap_servers, found.compression, found.batch_bytes) == (("b:2",), "none", 4096)
    assert (found.offset_topic, found.topics.create) == ("offsets", False)
    assert worker.kafka_settings("x", client="consumer").bootstrap_servers == ("a:1",)
