import dataclasses

import pytest

from cdc.config import (
    BinaryMode,
    ConnectorConfig,
    ConverterSettings,
    ConvertingFailure,
    DecimalFormat,
    DecimalMode,
    HstoreMode,
    IntervalMode,
    KafkaSettings,
    NameFilter,
    OffsetMismatch,
    PipelineSettings,
    PostgresSettings,
    PublicationAutocreate,
    Secret,
    SecuritySettings,
    SnapshotMode,
    TimeMode,
    TopicSettings,
)
from cdc.config.columns import ColumnRules
from cdc.config.filters import Guardrail
from cdc.config.identities import ReplicaIdentities
from cdc.config.post_processors import ReselectSettings
from cdc.config.settings import NameAdjustment
from cdc.config.topics import TopicNaming
from tests.unit.config.minimal import MINIMAL


def connector(**raw):
    return ConnectorConfig.from_raw(MINIMAL | {name.replace("_", "."): text for name, text in raw.items()})


def test_the_defaults_of_the_settings_are_those_of_the_table():
    found = connector()
    assert found.source == PostgresSettings(
        hostname="db.example", dbname="shop", user="cdc", topic_prefix="shop", password=Secret("hunter2")
    )
    assert found.kafka == KafkaSettings(transactional_id="cdcstream-shop", client_id="cdcstream-shop")
    assert found.key_converter == found.value_converter == ConverterSettings()
    assert found.pipeline == PipelineSettings()
    assert (found.name, found.tasks_max, found.notice) == ("shop", 1, "")


def test_each_property_of_the_source_arrives():
    source = connector(
        database_port="6000",
        database_sslmode="verify-full",
        database_sslcert="/c",
        database_sslkey="/k",
        database_sslpassword="kp",
        database_sslrootcert="/r",
        slot_name="s",
        slot_max_retries="1",
        slot_retry_delay_ms="1500",
        slot_failover="true",
        slot_wal_warn_bytes="1000",
        offset_mismatch_strategy="trust_slot",
        publication_name="p",
        publication_autocreate_mode="all_tables",
        status_update_interval_ms="500",
        snapshot_mode="no_data",
        decimal_handling_mode="string",
        time_precision_mode="connect",
        binary_handling_mode="base64-url-safe",
        interval_handling_mode="string",
        hstore_handling_mode="map",
        money_fraction_digits="4",
        include_unknown_datatypes="true",
        unavailable_value_placeholder="hex:00ff",
        event_converting_failure_handling_mode="skip",
        tombstones_on_delete="false",
        skipped_operations="c, t",
        skip_messages_without_change="true",
        publish_via_partition_root="true",
        replica_identity_autoset_values="public.a:FULL",
        column_exclude_list="public.a.b",
        topic_naming_strategy="io.debezium.schema.SchemaUnicodeTopicNamingStrategy",
        post_processors="rs",
        post_processors_rs_type="ReselectColumnsPostProcessor",
        post_processors_rs_reselect_null_values="false",
        schema_name_adjustment_mode="avro",
        field_name_adjustment_mode="avro_unicode",
        extended_headers_enabled="false",
        topic_delimiter="_",
        max_queue_size_in_bytes="1048576",
    ).source
    expected = PostgresSettings(
        hostname="db.example",
        dbname="shop",
        user="cdc",
        topic_prefix="shop",
        port=6000,
        password=Secret("hunter2"),
        sslmode="verify-full",
        sslcert="/c",
        sslkey="/k",
        sslpassword=Secret("kp"),
        sslrootcert="/r",
        slot_name="s",
        slot_max_retries=1,
        slot_retry_delay=1.5,
        slot_failover=True,
        slot_wal_warn_bytes=1000,
        offset_mismatch=OffsetMismatch.TRUST_SLOT,
        publication_name="p",
        publication_autocreate=PublicationAutocreate.ALL_TABLES,
        status_update_interval=0.5,
        snapshot_mode=SnapshotMode.NO_DATA,
        decimal_mode=DecimalMode.STRING,
        time_mode=TimeMode.CONNECT,
        binary_mode=BinaryMode.BASE64_URL_SAFE,
        interval_mode=IntervalMode.STRING,
        hstore_mode=HstoreMode.MAP,
        money_fraction_digits=4,
        include_unknown_types=True,
        unavailable_placeholder=b"\x00\xff",
        converting_failure=ConvertingFailure.SKIP,
        tombstones_on_delete=False,
        skipped_operations="ct",
        skip_unchanged=True,
        publish_via_root=True,
        replica_identities=ReplicaIdentities.parse("public.a:FULL"),
        columns=ColumnRules(NameFilter.parse("", "public.a.b")),
        naming=TopicNaming(unicode=True),
        reselect=ReselectSettings(nulls=False),
        schema_names=NameAdjustment.AVRO,
        field_names=NameAdjustment.AVRO_UNICODE,
        extended_headers=False,
        topic_delimiter="_",
        queue_bytes=1 << 20,
    )
    assert source == expected


def test_the_filters_of_schemas_and_tables_arrive():
    bound = connector(guardrail_collections_max="7", guardrail_collections_limit_action="fail").source.guardrail
    assert bound == Guardrail(7, refuses=True)
    tables = connector(schema_include_list="public", table_exclude_list=".*_log").source.tables
    assert tables.matches("public", "a")
    assert not tables.matches("other", "a")
    assert not tables.matches("public", "a_log")


def test_each_property_of_kafka_arrives():
    kafka = connector(
        bootstrap_servers="a:1,b:2",
        client_id="me",
        compression_type="LZ4",
        batch_size="2048",
        max_request_size="4096",
        request_timeout_ms="1500",
        metadata_max_age_ms="2500",
        transaction_timeout_ms="3500",
        offsets_storage_topic="o",
        offset_storage_partitions="3",
        offset_storage_replication_factor="2",
        topic_creation_enable="false",
        topic_creation_default_partitions="4",
        topic_creation_default_replication_factor="5",
        topic_creation_default_cleanup_policy="compact",
    ).kafka
    assert kafka == KafkaSettings(
        transactional_id="cdcstream-shop",
        client_id="me",
        bootstrap_servers=("a:1", "b:2"),
        compression="lz4",
        batch_bytes=2048,
        max_request_bytes=4096,
        request_timeout=1.5,
        metadata_max_age=2.5,
        transaction_timeout=3.5,
        offset_topic="o",
        offset_partitions=3,
        offset_replication_factor=2,
        topics=TopicSettings(create=False, partitions=4, replication_factor=5, configs={"cleanup.policy": "compact"}),
    )


def test_each_property_of_security_arrives():
    files = connector(
        security_protocol="sasl_ssl",
        sasl_mechanism="scram-sha-512",
        sasl_username="u",
        sasl_password="p",
        ssl_ca_location="/ca",
        ssl_certificate_location="/cert",
        ssl_key_location="/key",
        ssl_key_password="kp",
        ssl_endpoint_identification_algorithm="",
    ).kafka.security
    assert files == SecuritySettings(
        "SASL_SSL", "SCRAM-SHA-512", "u", Secret("p"), "/ca", "", "/cert", "", "/key", Secret(), Secret("kp"), False
    )
    texts = connector(
        security_protocol="SSL",
        ssl_truststore_certificates="CA",
        ssl_keystore_certificate_chain="CERT",
        ssl_keystore_key="KEY",
    ).kafka.security
    assert texts == SecuritySettings("SSL", ca="CA", certificate="CERT", key=Secret("KEY"))


@pytest.mark.parametrize(("module", "mechanism"), [("plain.Plain", "PLAIN"), ("scram.Scram", "SCRAM-SHA-256")])
def test_the_login_may_come_from_a_line_of_java(module, mechanism):
    line = f'org.apache.kafka.common.security.{module}LoginModule required username="al\\"ice"  password=\'p;w\' ;'
    security = connector(security_protocol="SASL_SSL", sasl_mechanism=mechanism, sasl_jaas_config=line).kafka.security
    assert (security.mechanism, security.username, security.password) == (mechanism, 'al"ice', Secret("p;w"))


def test_each_property_of_converters_and_pipeline_arrives():
    found = connector(
        tasks_max="2",
        key_converter_schemas_enable="false",
        value_converter_decimal_format="numeric",
        value_converter_replace_null_with_default="false",
        transaction_max_rows="1",
        transaction_max_bytes="2",
        transaction_max_ms="3000",
        max_batch_size="4",
        errors_max_retries="0",
        retriable_restart_connector_wait_ms="5000",
        poll_interval_ms="1",
        max_queue_size="5",
    )
    assert found.key_converter == ConverterSettings(schemas_enable=False)
    assert found.value_converter == ConverterSettings(True, DecimalFormat.NUMERIC, False)
    assert found.pipeline == PipelineSettings(1, 2, 3.0, 0, 5.0)
    assert found.tasks_max == 2
    assert found.notice == "Accepted, but without effect here: max.batch.size, max.queue.size, poll.interval.ms."


@pytest.mark.parametrize(
    ("given", "by_record"),
    [
        ({}, False),
        ({"key_converter": "json", "value_converter": "JsonConverter", "header_converter": "simple"}, False),
        ({"key_converter": "StringConverter"}, True),
        ({"value_converter": "acme.Csv"}, True),
        ({"header_converter": "JsonConverter"}, True),
        ({"transforms": "a", "transforms_a_type": "acme.Mask"}, True),
        ({"post_processors": "a", "a_type": "acme.Mask"}, True),
        ({"post_processors": "a", "a_type": "ReselectColumnsPostProcessor"}, False),
    ],
)
def test_changes_are_converted_as_records_where_more_than_the_compiled_converters_is_asked_for(given, by_record):
    assert connector(**given).by_record is by_record


def test_every_field_is_covered_above():
    """A field that no test sets would pass these tests without being read from the configuration."""
    sizes = {PostgresSettings: 51, KafkaSettings: 14, SecuritySettings: 12, TopicSettings: 4, PipelineSettings: 5}
    assert {kind: len(dataclasses.fields(kind)) for kind in sizes} == sizes


def test_no_secret_is_printed_with_the_settings():
    found = connector(security_protocol="SASL_SSL", sasl_mechanism="PLAIN", sasl_username="u", sasl_password="sesame")
    assert "hunter2" not in repr(found)
    assert "sesame" not in repr(found)
