"""What a worker's file may say, and what it means."""

from __future__ import annotations

import pytest

from cdc.config.definition import InvalidConfig
from cdc.config.files import parse_properties
from cdc.config.providers import resolve
from cdc.config.worker import WORKER, WorkerSettings

# Kafka's own config/connect-standalone.properties and connect-distributed.properties, version 4.3, without their comments.
STANDALONE = """\
bootstrap.servers=localhost:9092
key.converter=org.apache.kafka.connect.json.JsonConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
key.converter.schemas.enable=true
value.converter.schemas.enable=true
offset.storage.file.filename=/tmp/connect.offsets
offset.flush.interval.ms=10000
plugin.path=/usr/local/share/java,/usr/local/share/kafka/plugins
"""
DISTRIBUTED = """\
bootstrap.servers=localhost:9092
group.id=connect-cluster
key.converter=org.apache.kafka.connect.json.JsonConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
key.converter.schemas.enable=true
value.converter.schemas.enable=true
offset.storage.topic=connect-offsets
offset.storage.replication.factor=1
config.storage.topic=connect-configs
config.storage.replication.factor=1
status.storage.topic=connect-status
status.storage.replication.factor=1
offset.flush.interval.ms=10000
"""
FILE = "org.apache.kafka.common.config.provider.FileConfigProvider"
DIRECTORY = "org.apache.kafka.common.config.provider.DirectoryConfigProvider"
ENVIRONMENT = "org.apache.kafka.common.config.provider.EnvVarConfigProvider"
PEOPLE = "http://0.0.0.0:8083"
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"


def settings(distributed=False, **properties):
    """The settings of properties whose dots are written as underscores."""
    return WorkerSettings.from_raw({k.replace("_", "."): v for k, v in properties.items()}, distributed=distributed)


def problems(raw, distributed=False):
    with pytest.raises(InvalidConfig) as caught:
        WorkerSettings.from_raw(raw, distributed=distributed)
    assert all(problem.remedy for problem in caught.value.problems)
    return {problem.name: problem.sentence() for problem in caught.value.problems}


def test_kafkas_own_standalone_file_is_taken():
    found = WorkerSettings.from_raw(parse_properties(STANDALONE))
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
    assert found.group.id == ""


def test_kafkas_own_distributed_file_is_taken():
    found = WorkerSettings.from_raw(parse_properties(DISTRIBUTED), distributed=True)
    assert found.group.id == "connect-cluster"
    topics = [
        (topic.name, topic.partitions, topic.replication_factor)
        for topic in (found.config_topic, found.offset_topic, found.status_topic)
    ]
    assert topics == [("connect-configs", 1, 1), ("connect-offsets", 1, 1), ("connect-status", 5, 1)]


def test_a_distributed_worker_names_its_group_and_its_topics():
    expected = {"group.id", "config.storage.topic", "offset.storage.topic", "status.storage.topic"}
    assert problems({}, distributed=True).keys() == expected
    assert settings().offset_topic.name == "cdc-stream-offsets"


def test_everything_that_is_wrong_is_said_at_once_with_the_nearest_name():
    found = problems(
        {
            "plugins.path": "/x",
            "session.timeout.ms": "soon",
            "producer.compresion.type": "zstd",
            "producer.acks": "1",
            "consumer.max.poll.records": "0",
            "admin.batch.size": "1",
            "bootstrap.servers": "kafka",
        }
    )
    assert found["plugins.path"] == "plugins.path is not a known property. Did you mean plugin.path?"
    assert "is not a whole number" in found["session.timeout.ms"]
    assert found["producer.compresion.type"].endswith("Did you mean producer.compression.type?")
    assert found["producer.acks"] == "producer.acks = '1' is not one of its values. Give one of all, -1."
    assert "is out of range" in found["consumer.max.poll.records"]
    assert "is not a known property" in found["admin.batch.size"]
    assert "not host:port" in found["bootstrap.servers"]
    assert len(found) == 7


@pytest.mark.parametrize("name", ["interceptor.classes", "partitioner.class"])
def test_java_classes_in_the_producer_are_refused(name):
    assert "is not supported yet" in problems({f"producer.{name}": "x.Y"})[f"producer.{name}"]


def test_what_tunes_something_that_does_not_exist_here_is_accepted_and_named():
    found = settings(
        rest_extension_classes="a.B", metric_reporters="c.D", connect_protocol="eager", producer_linger_ms="5"
    )
    assert found.notice.startswith("Accepted, but without effect here: ")
    for name in ("rest.extension.classes", "metric.reporters", "connect.protocol"):
        assert name in found.notice


def test_the_api_listens_at_loopback_by_default():
    (listener,) = settings().rest.listeners
    assert str(listener) == "http://127.0.0.1:8083"
    assert listener.is_loopback


@pytest.mark.parametrize("listeners", ["http://localhost:0", "HTTP://127.0.0.2:1", "http://[::1]:8083/"])
def test_loopback_needs_no_login(listeners):
    assert settings(listeners=listeners).rest.listeners[0].scheme == "http"


@pytest.mark.parametrize("listeners", [PEOPLE, "http://:8083", "http://example.org:80", "http://[::]:8083"])
def test_beyond_loopback_there_must_be_tls_or_a_login(listeners, tmp_path):
    sentence = problems({"listeners": listeners})["listeners"]
    assert "open to everybody who can reach this machine" in sentence
    assert "Set rest.token or rest.basic.auth" in sentence
    assert settings(listeners=listeners, rest_token="t0ken").rest.token.reveal() == "t0ken"
    assert settings(listeners=listeners, rest_basic_auth="anna:a:b").rest.basic_auth.reveal() == "anna:a:b"
    secured = {"listeners_https_ssl_keystore_location": "/etc/api.pem", "listeners_https_ssl_client_auth": "required"}
    found = settings(listeners=listeners.replace("http", "https"), **secured).rest
    assert (found.certificate_file, found.client_auth) == ("/etc/api.pem", "required")


def test_one_guarded_listener_does_not_excuse_another():
    raw = {"listeners": f"https://:1,{PEOPLE}", "listeners.https.ssl.keystore.location": "/x.pem"}
    assert PEOPLE in problems(raw)["listeners"]


@pytest.mark.parametrize(
    ("raw", "name", "fact"),
    [
        ({"listeners": "https://127.0.0.1:1"}, "listeners", "has no certificate"),
        ({"listeners": "ftp://x:1"}, "listeners", "holds 'ftp://x:1'"),
        ({"listeners": "http://x:65536"}, "listeners", "holds 'http://x:65536'"),
        ({"listeners": " , "}, "listeners", "is empty"),
        ({"rest.basic.auth": "hunter2"}, "rest.basic.auth", "is not user:password"),
        ({"rest.advertised.port": "0"}, "rest.advertised.port", "is out of range"),
        (
            {"listeners.https.ssl.keystore.location": "/k.jks"},
            "listeners.https.ssl.keystore.location",
            "only PEM is read",
        ),
        ({"access.control.allow.origin": "*"}, "access.control.allow.origin", "not supported yet"),
        ({"security.protocol": "SASL_SSL"}, "sasl.mechanism", "sasl.mechanism is not set"),
    ],
)
def test_what_cannot_be_is_refused(raw, name, fact):
    sentence = problems(raw)[name]
    assert fact in sentence
    assert "hunter2" not in sentence


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


def test_connectors_inherit_what_the_worker_says_of_kafka_and_the_prefix_of_a_client_comes_before_it():
    found = settings(
        bootstrap_servers="a:1,b:2",
        security_protocol="SSL",
        ssl_ca_location="/ca.pem",
        producer_compression_type="lz4",
        producer_ssl_truststore_location="/other.pem",
        consumer_bootstrap_servers="c:3",
        consumer_max_poll_records="7",
        session_timeout_ms="6000",
    )
    common = {"bootstrap.servers": "a:1,b:2", "security.protocol": "SSL", "ssl.truststore.location": "/ca.pem"}
    assert found.kafka_properties() == {**common, "ssl.truststore.location": "/other.pem", "compression.type": "lz4"}
    assert found.kafka_properties("consumer") == {**common, "bootstrap.servers": "c:3", "max.poll.records": "7"}
    assert found.kafka_properties("admin") == common
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


def providers(name, cls, **parameters):
    named = {f"config.providers.{name}.param.{key}": value for key, value in parameters.items()}
    return {"config.providers": name, f"config.providers.{name}.class": cls, **named}


def test_providers_have_the_names_and_classes_of_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("CDC_TEST_A", "from the environment")
    (tmp_path / "db.properties").write_text("password=from a file\n")
    raw = {
        "config.providers": "f, e,d",
        "config.providers.f.class": FILE,
        "config.providers.e.class": "EnvVarConfigProvider",
        "config.providers.d.class": DIRECTORY.lower(),
    }
    found = WorkerSettings.from_raw(raw).providers
    assert list(found) == ["f", "e", "d"]
    values = resolve(
        {
            "a": "${e:CDC_TEST_A}",
            "b": f"${{f:{tmp_path}/db.properties:password}}",
            "c": f"${{d:{tmp_path}:db.properties}}",
        },
        found,
    ).values
    assert values == {"a": "from the environment", "b": "from a file", "c": "password=from a file"}


@pytest.mark.parametrize("cls", [FILE, DIRECTORY])
def test_files_outside_the_allowed_paths_are_refused_also_through_links(tmp_path, cls):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    for folder in (inside, outside):
        (folder / "k").write_text("k=v\n")
    (inside / "link").symlink_to(outside / "k")
    found = WorkerSettings.from_raw(providers("p", cls, **{"allowed.paths": f"/nowhere,{inside}"})).providers

    def reference(path):
        return f"${{p:{path}:k}}" if cls == FILE else f"${{p:{path.parent}:{path.name}}}"

    assert resolve({"x": reference(inside / "k")}, found).values["x"] in {"v", "k=v"}
    for path in (outside / "k", inside / "link", inside / ".." / "outside" / "k", tmp_path / "inside2" / "k"):
        with pytest.raises(InvalidConfig, match=r"outside allowed\.paths"):
            resolve({"x": reference(path)}, found)


def test_variables_that_the_pattern_does_not_match_as_a_whole_are_refused(monkeypatch):
    for name in ("CDC_A", "cdc_a", "MY_CDC_A"):
        monkeypatch.setenv(name, "v")
    found = WorkerSettings.from_raw(providers("env", ENVIRONMENT, **{"allowlist.pattern": r"CDC_\w+"})).providers
    assert resolve({"x": "${env:CDC_A}"}, found).values["x"] == "v"
    for name in ("cdc_a", "MY_CDC_A"):
        with pytest.raises(InvalidConfig, match=r"does not match allowlist\.pattern"):
            resolve({"x": f"${{env:{name}}}"}, found)


@pytest.mark.parametrize(
    ("raw", "name", "sentence"),
    [
        ({"config.providers": "v"}, "config.providers.v.class", "is not set"),
        (providers("v", "FileConfigProvidr"), "config.providers.v.class", f"Did you mean {FILE}?"),
        (providers("v", "com.example.Vault"), "config.providers.v.class", "is not a known class"),
        (
            providers("v", FILE, **{"allowed.path": "/x"}),
            "config.providers.v.param.allowed.path",
            "is not a known property",
        ),
        (providers("v", FILE, **{"allowed.paths": "x"}), "config.providers.v.param.allowed.paths", "relative path 'x'"),
        (
            providers("v", ENVIRONMENT, **{"allowlist.pattern": "("}),
            "config.providers.v.param.allowlist.pattern",
            "is not a regular expression",
        ),
        ({"config.providers.v.class": FILE}, "config.providers.v.class", "belongs to no provider"),
    ],
)
def test_a_provider_that_cannot_be_built_is_refused(raw, name, sentence):
    assert sentence in problems(raw)[name]


def test_every_default_is_accepted_when_it_is_written_down():
    defaults = {p.name: p.default for p in WORKER.properties if isinstance(p.default, str)}
    assert WorkerSettings.from_raw(defaults).rest == settings().rest


def test_no_property_of_java_is_without_a_reason():
    for row in WORKER.properties:
        assert row.doc
        assert row.group
        assert row.status.value != "without effect" or row.reason, row.name
