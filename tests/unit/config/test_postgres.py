import pytest

from cdc.config import ConnectorConfig, InvalidConfig, Secret
from cdc.config.postgres import POSTGRES
from cdc.config.property import Status, Type, split_list
from tests.unit.config.minimal import MINIMAL


def problems(**raw):
    given = MINIMAL | {name.replace("_", "."): text for name, text in raw.items()}
    return [p.sentence() for p in POSTGRES.examine(given)[1]]


def test_the_smallest_configuration_parses():
    assert POSTGRES.examine(MINIMAL)[1] == ()


@pytest.mark.parametrize("row", POSTGRES.properties, ids=lambda p: p.name)
def test_each_row_is_fit_to_be_printed_and_its_default_is_valid(row):
    assert row.group
    assert row.doc.endswith((".", "…"))
    assert (row.debezium_default is None) == (not row.why)
    assert row.reason or row.status is not Status.WITHOUT_EFFECT
    assert not row.template or row.default == ""
    assert all(choice == choice.lower() for choice in row.planned)
    assert set(row.former.values()) <= set(row.choices)
    row.default_value()
    if row.name.endswith(".ms"):
        assert row.type in {Type.INT, Type.LONG}
        assert "millisecond" in row.doc


@pytest.mark.parametrize(
    "name",
    [
        "connector.class",
        "postgres",
        "PostgresConnector",
        "Postgres",
        "postgresql",
        "io.debezium.connector.postgresql.PostgresConnector",
    ],
)
def test_the_connector_is_known_by_several_names(name):
    assert (problems(connector_class=name) == []) == (name != "connector.class")


def test_classes_that_are_unknown_or_not_here_yet():
    (near,) = problems(connector_class="io.debezium.connector.postgresql.PostgressConnector")
    assert "is not a known class (did you mean io.debezium.connector.postgresql.postgresconnector?)" in near
    assert near.endswith(" Give io.debezium.connector.postgresql.PostgresConnector, or in short postgres.")
    assert "is another connector" in problems(connector_class="io.debezium.connector.mysql.MySqlConnector")[0]
    assert "is not supported yet" in problems(value_converter="io.confluent.connect.avro.AvroConverter")[0]
    assert "is not supported yet" in problems(header_converter="CloudEventsConverter")[0]
    assert (
        problems(key_converter="JsonConverter", value_converter="json", header_converter="SimpleHeaderConverter") == []
    )


def test_converters_and_transforms_are_the_plugins_to_know():
    assert problems(key_converter="StringConverter", value_converter="acme.Csv", value_converter_quote="x") == []
    assert problems(header_converter="JsonConverter", header_converter_schemas_enable="false") == []
    assert problems(transforms="a", transforms_a_type="acme.Mask", predicates="p", predicates_p_type="acme.Is") == []


def test_the_error_policy_is_that_of_connect_but_for_how_the_topic_is_created():
    config = POSTGRES.parse(
        {
            **MINIMAL,
            "errors.tolerance": "all",
            "errors.deadletterqueue.topic.name": "dead",
            "errors.deadletterqueue.topic.replication.factor": "2",
        }
    )
    assert config.string("errors.tolerance") == "all"
    assert config.without_effect == ("errors.deadletterqueue.topic.replication.factor",)


def test_the_properties_of_a_refused_converter_are_not_called_unknown_as_well():
    avro = {"value_converter": "AvroConverter", "value_converter_schema_registry_url": "http://r"}
    assert len(problems(**avro)) == 1
    assert problems(value_converter_shemas_enable="false") == [
        "value.converter.shemas.enable is not a known property. Did you mean value.converter.schemas.enable?"
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("topic.prefix", "a b"),
        ("topic.delimiter", "/"),
        ("slot.name", "Debezium"),
        ("slot.name", "a" * 64),
        ("publication.name", "é" * 32),
        ("publication.name", "a\nb"),
        ("name", "a\tb"),
        ("database.port", "0"),
        ("database.sslmode", "on"),
        ("plugin.name", "decoderbufs"),
        ("publication.autocreate.mode", "no_tables"),
        ("offset.mismatch.strategy", "trust_nobody"),
        ("snapshot.mode", "custom"),
        ("snapshot.mode", "never"),
        ("snapshot.mode", "recovery"),
        ("snapshot.isolation.mode", "chaos"),
        ("snapshot.locking.mode", "custom"),
        ("snapshot.query.mode", "custom"),
        ("snapshot.max.threads", "0"),
        ("snapshot.delay.ms", "-1"),
        ("snapshot.include.collection.list", "("),
        ("time.precision.mode", "seconds"),
        ("skipped.operations", "t,x"),
        ("include.unknown.datatypes", "some"),
        ("hstore.handling.mode", "xml"),
        ("money.fraction.digits", "-1"),
        ("event.processing.failure.handling.mode", "skip"),
        ("unavailable.value.placeholder", "hex:0"),
        ("heartbeat.interval.ms", "-1"),
        ("column.exclude.list", "public.a.("),
        ("column.mask.with.3.chars", "public.a.("),
        ("message.key.columns", "public.a"),
        ("message.key.columns", "public.a:b;public.c:"),
        ("message.key.columns", "public.a:("),
        ("errors.tolerance", "some"),
        ("errors.retry.timeout", "-2"),
        ("errors.deadletterqueue.topic.name", "a b"),
        ("topic.naming.strategy", "x.Y"),
        ("database.sslfactory", "x.Y"),
        ("transaction.boundary", "interval"),
        ("enable.idempotence", "false"),
        ("acks", "1"),
        ("max.queue.size.in.bytes", "0"),
        ("errors.max.retries", "-2"),
        ("bootstrap.servers", "broker"),
        ("bootstrap.servers", "broker:0"),
        ("bootstrap.servers", "a:1,b:99999"),
        ("topic.creation.default.partitions", "0"),
        ("compression.type", "brotli"),
        ("sasl.mechanism", "GSSAPI"),
        ("ssl.truststore.location", "/etc/kafka.client.truststore.JKS"),
        ("ssl.truststore.type", "PKCS12"),
        ("ssl.endpoint.identification.algorithm", "none"),
    ],
)
def test_values_that_are_refused(name, text):
    found = POSTGRES.examine(MINIMAL | {name: text})[1]
    assert len(found) == 1
    row = POSTGRES.find(name)
    assert row is not None
    assert found[0].fact.startswith(f"{row.name} = {text!r} ")
    assert found[0].remedy


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("snapshot.mode", "no_data"),
        ("snapshot.mode", "NO_DATA"),
        ("snapshot.mode", "schema_only"),
        ("snapshot.isolation.mode", "read_committed"),
        ("skipped.operations", "t"),
        ("heartbeat.interval.ms", "1000"),
        ("signal.enabled.channels", "source"),
        ("database.sslmode", "verify_full"),
        ("producer.override.compression.type", "lz4"),
        ("producer.override.bootstrap.servers", "a:1, [::1]:2,SSL://b:3"),
        ("topic.creation.default.retention.ms", "1000"),
        ("header.converter.x", "y"),
        ("ssl.ca.location", "/ca.pem"),
        ("ssl.endpoint.identification.algorithm", ""),
        ("unavailable.value.placeholder", "hex:00ff"),
        ("lsn.flush.mode", "connector_and_driver"),
    ],
)
def test_values_that_are_taken(name, text):
    assert POSTGRES.examine(MINIMAL | {name: text})[1] == ()


def test_include_and_exclude_exclude_each_other():
    assert problems(table_include_list="a", table_exclude_list="b") == [
        "table.include.list and table.exclude.list are both set. Keep one of them."
    ]
    assert problems(table_include_list="a", table_exclude_list="") == []


def test_a_keystore_of_java_is_refused_with_the_commands_that_convert_it():
    (sentence,) = problems(ssl_keystore_location="/k.p12")
    assert "openssl pkcs12" in sentence
    assert "keytool" in sentence


def test_certificates_are_given_once_and_whole():
    assert problems(ssl_truststore_location="/a", ssl_truststore_certificates="x") != []
    assert problems(ssl_keystore_key="x") == [
        "Only one of ssl.keystore.certificate.chain and ssl.keystore.key is set. Set both."
    ]


PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="al\\"ice" password=\'hun ter;2\';'


@pytest.mark.parametrize(
    ("raw", "fact"),
    [
        ({}, "sasl.mechanism is not set"),
        ({"sasl_mechanism": "PLAIN"}, "asks for a login, and none is given"),
        ({"sasl_mechanism": "PLAIN", "sasl_username": "a"}, "asks for a login, and none is given"),
        (
            {"sasl_mechanism": "SCRAM-SHA-512", "sasl_jaas_config": PLAIN},
            "login module of PLAIN, and sasl.mechanism is SCRAM",
        ),
        ({"sasl_mechanism": "PLAIN", "sasl_jaas_config": PLAIN, "sasl_password": "x"}, "are both set"),
        (
            {
                "sasl_mechanism": "PLAIN",
                "sasl_jaas_config": 'com.sun.security.auth.module.JndiLoginModule required user.provider.url="ldap://x/hunter";',
            },
            "has a login module that is refused, com.sun.security.auth.module.JndiLoginModule: ",
        ),
        (
            {"sasl_mechanism": "PLAIN", "sasl_jaas_config": "hunter2 required;"},
            "login module that is refused, of an unknown kind",
        ),
        ({"sasl_mechanism": "PLAIN", "sasl_jaas_config": "username=hunter"}, "is not one line of the form"),
        ({"sasl_mechanism": "PLAIN", "sasl_jaas_config": PLAIN.replace("password", "passwort")}, "has no password"),
    ],
)
def test_a_login_must_be_complete(raw, fact):
    found = problems(security_protocol="SASL_SSL", **raw)
    assert any(fact in sentence for sentence in found)
    assert "hun" not in " ".join(found)


def test_no_login_is_asked_for_without_sasl():
    assert problems(security_protocol="SSL") == []


def test_a_module_that_runs_code_is_refused_by_the_name_of_its_hole():
    (sentence,) = problems(producer_override_sasl_jaas_config="x.JndiLoginModule required;")
    assert "CVE-2023-25194" in sentence
    assert sentence.startswith("producer.override.sasl.jaas.config = ******** has")


def test_the_list_of_servers_keeps_no_scheme():
    config = ConnectorConfig.from_raw(MINIMAL | {"bootstrap.servers": "SSL://b:3,[::1]:2"})
    assert config.kafka.bootstrap_servers == ("b:3", "[::1]:2")


def test_all_names_of_debezium_are_known():
    names = split_list(KNOWN_TO_DEBEZIUM.replace("\n", ","))
    assert len(names) > 120
    assert [name for name in names if POSTGRES.find(name) is None] == []


def test_no_secret_is_in_an_error_or_a_log(monkeypatch):
    monkeypatch.setenv("CDC_WORD", "hunter2")
    raw = MINIMAL | {
        "database.hostname": "${env:CDC_WORD}",
        "table.include.list": "${env:CDC_WORD}(",
        "database.port": "${env:CDC_WORD}",
        "slot.name": "${env:CDC_WORD}!",
        "sasl.jaas.config": "hunter2",
        "ssl.key.password": "hunter2",
        "column.mask.hash.SHA-257.with.salt.hunter2": "a",
    }
    with pytest.raises(InvalidConfig) as caught:
        ConnectorConfig.from_raw(raw)
    assert len(caught.value.problems) == 5
    assert "hunter2" not in "".join(p.sentence() + p.name for p in caught.value.problems)
    good = MINIMAL | {"database.hostname": "${env:CDC_WORD}"}
    connector = ConnectorConfig.from_raw(good)
    assert connector.source.hostname == "hunter2"
    assert connector.source.password == Secret("hunter2")
    assert "hunter2" not in str(connector.masked)


KNOWN_TO_DEBEZIUM = """
binary.handling.mode, column.exclude.list, column.include.list, column.mask.hash.SHA-256.with.salt.x,
column.mask.hash.v2.SHA-256.with.salt.x, column.mask.with.7.chars, column.propagate.source.type,
column.truncate.to.7.chars, connection.validation.timeout.ms, connector.class, converters, custom.metric.tags,
custom.sanitize.pattern, database.connection.factory.class, database.dbname, database.hostname,
database.initial.statements, database.password, database.port, database.query.timeout.ms, database.sslcert,
database.sslfactory, database.sslkey, database.sslmode, database.sslpassword, database.sslrootcert,
database.tcpKeepAlive, database.user, datatype.propagate.source.type, decimal.handling.mode, errors.max.retries,
event.processing.failure.handling.mode, executor.shutdown.timeout.ms, extended.headers.enabled,
field.name.adjustment.mode, flush.lsn.source, guardrail.collections.limit.action, guardrail.collections.max,
heartbeat.action.query, heartbeat.interval.ms, hstore.handling.mode, include.unknown.datatypes,
incremental.snapshot.chunk.size, incremental.snapshot.watermarking.strategy, interval.handling.mode,
legacy.snapshot.max.threads, lsn.flush.mode, max.batch.size, max.queue.size, max.queue.size.in.bytes,
message.key.columns, message.prefix.exclude.list, message.prefix.include.list, money.fraction.digits, name,
notification.enabled.channels, notification.sink.topic.name, offset.mismatch.strategy, plugin.name,
poll.dispatch.interval.ms, poll.interval.ms, post.processors, provide.transaction.metadata,
publication.autocreate.mode, publication.name, publish.via.partition.root, query.fetch.size, queue.provider.type,
read.only, replica.identity.autoset.values, retriable.restart.connector.wait.ms, schema.exclude.list,
schema.include.list, schema.name.adjustment.mode, schema.refresh.mode, signal.data.collection,
signal.emit.failure.backoff.ms, signal.emit.failure.max.retries, signal.enabled.channels, signal.file,
signal.kafka.bootstrap.servers, signal.kafka.groupId, signal.kafka.poll.timeout.ms, signal.kafka.topic,
signal.poll.interval.ms, skip.messages.without.change, skipped.operations, slot.drop.on.stop, slot.failover,
slot.max.retries, slot.name, slot.retry.delay.ms, slot.stream.params, snapshot.delay.ms, snapshot.fetch.size,
snapshot.include.collection.list, snapshot.isolation.mode, snapshot.lock.timeout.ms, snapshot.locking.mode,
snapshot.locking.mode.custom.name, snapshot.max.threads, snapshot.max.threads.multiplier, snapshot.mode,
snapshot.mode.configuration.based.snapshot.data, snapshot.mode.configuration.based.snapshot.on.data.error,
snapshot.mode.configuration.based.snapshot.on.schema.error, snapshot.mode.configuration.based.snapshot.schema,
snapshot.mode.configuration.based.start.stream, snapshot.mode.custom.name, snapshot.query.mode,
snapshot.query.mode.custom.name, snapshot.select.statement.overrides, sourceinfo.struct.maker,
statistics.metrics.enabled, status.update.interval.ms, streaming.delay.ms, table.exclude.list, table.include.list,
tasks.max, time.precision.mode, tombstones.on.delete, topic.cache.size, topic.delimiter, topic.heartbeat.name,
topic.heartbeat.prefix, topic.naming.strategy, topic.prefix, topic.transaction, transaction.metadata.factory,
unavailable.value.placeholder, xmin.fetch.interval.ms, publish.via.partition.root, lsn.flush.timeout.ms
"""
