"""What a worker's file says of its cluster."""

from __future__ import annotations

import pytest

from cdc.config.files import parse_properties
from cdc.config.worker import ClusterSettings, StorageTopic, WorkerSettings
from tests.unit.config.worker_file import KAFKAS_DISTRIBUTED, problems

FILE = parse_properties(KAFKAS_DISTRIBUTED)
NAMES = ("group.id", "config.storage.topic", "offset.storage.topic", "status.storage.topic")


def distributed(**properties):
    given = {name.replace("_", "."): value for name, value in properties.items()}
    return WorkerSettings.from_raw({**FILE, **given}, distributed=True)


def test_kafkas_own_distributed_file_is_taken_and_all_of_it_is_read():
    found = distributed()
    assert found.cluster == ClusterSettings(
        group_id="connect-cluster",
        config_topic=StorageTopic("connect-configs", 1, 1),
        status_topic=StorageTopic("connect-status", 5, 1),
        session_timeout=10,
        heartbeat_interval=3,
        rebalance_timeout=60,
    )
    assert found.offset_topic == StorageTopic("connect-offsets", 1, 1)
    assert found.notice == ""


def test_times_are_in_seconds_and_topics_are_as_they_are_said_to_be():
    found = distributed(
        session_timeout_ms="6000",
        heartbeat_interval_ms="1500",
        rebalance_timeout_ms="500",
        status_storage_partitions="2",
        status_storage_replication_factor="3",
        config_storage_replication_factor="-1",
        offset_storage_partitions="25",
    )
    assert found.cluster is not None
    times = (found.cluster.session_timeout, found.cluster.heartbeat_interval, found.cluster.rebalance_timeout)
    assert times == (6, 1.5, 0.5)
    assert found.cluster.status_topic == StorageTopic("connect-status", 2, 3)
    assert found.cluster.config_topic == StorageTopic("connect-configs", 1, -1)
    assert found.offset_topic.partitions == 25


def test_the_replicas_of_topics_are_the_brokers_default_where_none_are_asked_for():
    found = WorkerSettings.from_raw({name: FILE[name] for name in NAMES}, distributed=True)
    assert found.cluster is not None
    topics = (found.cluster.config_topic, found.cluster.status_topic, found.offset_topic)
    assert [topic.replication_factor for topic in topics] == [-1, -1, -1]


def test_a_cluster_and_its_topics_must_be_named():
    found = problems({}, distributed=True)
    assert found.keys() == set(NAMES)
    assert all(sentence.startswith(f"{name} is not set. Set it: ") for name, sentence in found.items())


@pytest.mark.parametrize(
    ("raw", "name", "fact"),
    [
        (
            {"heartbeat.interval.ms": "10000"},
            "heartbeat.interval.ms",
            "heartbeat.interval.ms = 10000 is not less than session.timeout.ms = 10000. Give a third of that, 3333.",
        ),
        ({"session.timeout.ms": "3000"}, "heartbeat.interval.ms", "3000 is not less than session.timeout.ms = 3000"),
        ({"session.timeout.ms": "10"}, "session.timeout.ms", "is out of range"),
        ({"heartbeat.interval.ms": "0"}, "heartbeat.interval.ms", "is out of range"),
        ({"rebalance.timeout.ms": "soon"}, "rebalance.timeout.ms", "is not a whole number"),
        ({"status.storage.partitions": "0"}, "status.storage.partitions", "is out of range"),
        ({"config.storage.replication.factor": "0"}, "config.storage.replication.factor", "is out of range"),
        ({"status.storage.topic": "two words"}, "status.storage.topic", "has a form that is not allowed"),
        (
            {"status.storage.topic": "connect-configs"},
            "status.storage.topic",
            "status.storage.topic and config.storage.topic are both connect-configs. Give each a topic of its own.",
        ),
        ({"group.id": " "}, "group.id", "group.id is not set"),
        ({"rest.advertised.listener": "ftp"}, "rest.advertised.listener", "Give one of http, https."),
        ({"rest.advertised.listener": "https"}, "rest.advertised.listener", "no listener is at https://"),
    ],
)
def test_what_cannot_be_is_refused(raw, name, fact):
    assert fact in problems({**FILE, **raw}, distributed=True)[name]


def test_what_tunes_something_that_does_not_exist_here_is_accepted_and_named():
    raw = {
        "scheduled.rebalance.max.delay.ms": "0",
        "connect.protocol": "eager",
        "worker.sync.timeout.ms": "1",
        "worker.unsync.backoff.ms": "1",
        "inter.worker.key.size": "1",
        "config.storage.partitions": "7",
        "offset.storage.file.filename": "/tmp/offsets",
        "exactly.once.source.support": "preparing",
    }
    found = WorkerSettings.from_raw({**FILE, **raw}, distributed=True)
    assert set(found.notice.partition(": ")[2].removesuffix(".").split(", ")) == raw.keys()
    assert found.cluster is not None
    assert found.cluster.config_topic.partitions == 1


def test_others_are_told_the_scheme_and_the_address_that_they_shall_use():
    found = distributed(
        rest_advertised_listener="HTTPS", rest_advertised_host_name="[fd00::1]", rest_advertised_port="443"
    ).rest
    assert (found.advertised_scheme, found.advertised_host, found.advertised_port) == ("https", "fd00::1", 443)
    assert distributed().rest.advertised_scheme == ""


def test_a_scheme_that_a_listener_has_may_be_told():
    secured = {"listeners": "https://:1", "listeners.https.ssl.keystore.location": "/x.pem"}
    raw = {**FILE, **secured, "rest.advertised.listener": "https"}
    assert WorkerSettings.from_raw(raw, distributed=True).rest.advertised_scheme == "https"
