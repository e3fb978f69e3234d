"""The configuration as the other rooms use it: typed, validated, without a raw text in it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from cdc.config.beside import BesideSettings
from cdc.config.columns import ColumnRules
from cdc.config.definition import Config
from cdc.config.filters import Guardrail, NameFilter, TableFilter
from cdc.config.hosts import Host, parse_hosts
from cdc.config.identities import ReplicaIdentities
from cdc.config.jaas import parse_jaas
from cdc.config.post_processors import ReselectSettings
from cdc.config.secret import Secret
from cdc.config.snapshot import SnapshotMode, SnapshotPolicy, SnapshotSettings, policy_of
from cdc.config.statements import split_statements
from cdc.config.stream_options import local_only, stream_open
from cdc.config.topics import TopicNaming
from cdc.config.validators import placeholder_bytes


class PublicationAutocreate(enum.StrEnum):
    """What happens when the publication is absent."""

    FILTERED = "filtered"
    ALL_TABLES = "all_tables"
    DISABLED = "disabled"


class OffsetMismatch(enum.StrEnum):
    """What happens when the slot stands ahead of the stored offset: TRUST_OFFSET makes it an error, the others go on from the slot.

    With NO_VALIDATION a slot that does not exist is created anew, too.
    """

    NO_VALIDATION = "no_validation"
    TRUST_OFFSET = "trust_offset"
    TRUST_SLOT = "trust_slot"
    TRUST_GREATER_LSN = "trust_greater_lsn"


class DecimalMode(enum.StrEnum):
    """How NUMERIC is published."""

    PRECISE = "precise"
    DOUBLE = "double"
    STRING = "string"


class TimeMode(enum.StrEnum):
    """How dates and times are published."""

    ADAPTIVE = "adaptive"
    ADAPTIVE_TIME_MICROSECONDS = "adaptive_time_microseconds"
    CONNECT = "connect"
    MICROSECONDS = "microseconds"
    NANOSECONDS = "nanoseconds"
    ISOSTRING = "isostring"
    STRUCTURED = "structured"


class BinaryMode(enum.StrEnum):
    """How binary columns are published."""

    BYTES = "bytes"
    BASE64 = "base64"
    BASE64_URL_SAFE = "base64-url-safe"
    HEX = "hex"


class IntervalMode(enum.StrEnum):
    """How INTERVAL is published."""

    NUMERIC = "numeric"
    STRING = "string"


class HstoreMode(enum.StrEnum):
    """How HSTORE is published."""

    JSON = "json"
    MAP = "map"


class ConvertingFailure(enum.StrEnum):
    """What happens with a value that its column's schema cannot carry."""

    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"
    KEEP = "keep"
    """In no configuration: the value stays in its row, as the server's text, for whoever converts the row to refuse it."""


class NameAdjustment(enum.StrEnum):
    """How names of schemas and fields are made fit for Avro."""

    NONE = "none"
    AVRO = "avro"
    AVRO_UNICODE = "avro_unicode"


class DecimalFormat(enum.StrEnum):
    """How the JSON converter writes exact decimals."""

    BASE64 = "BASE64"
    NUMERIC = "NUMERIC"


@dataclass(frozen=True, slots=True)
class PostgresSettings:
    """Where the PostgreSQL source connects, what it captures and how it publishes values.

    Files are paths; an empty text means that nothing was set, and libpq's own default applies. Times are in seconds.
    """

    hostname: str
    dbname: str
    user: str
    topic_prefix: str
    port: int = 5432
    password: Secret = field(default_factory=Secret)
    sslmode: str = "prefer"
    sslcert: str = ""
    sslkey: str = ""
    sslpassword: Secret = field(default_factory=Secret)
    sslrootcert: str = ""
    slot_name: str = "debezium"
    slot_max_retries: int = 6
    slot_retry_delay: float = 10.0
    slot_failover: bool = False
    slot_wal_warn_bytes: int = 4_294_967_296
    publication_name: str = "dbz_publication"
    publication_autocreate: PublicationAutocreate = PublicationAutocreate.ALL_TABLES
    offset_mismatch: OffsetMismatch = OffsetMismatch.TRUST_OFFSET
    status_update_interval: float = 10.0
    publish_via_root: bool = False
    replica_identities: ReplicaIdentities = field(default_factory=ReplicaIdentities)
    tables: TableFilter = field(default_factory=TableFilter)
    guardrail: Guardrail = field(default_factory=Guardrail)
    columns: ColumnRules = field(default_factory=ColumnRules)
    snapshot_mode: SnapshotMode = SnapshotMode.INITIAL
    snapshot: SnapshotSettings = field(default_factory=SnapshotSettings)
    decimal_mode: DecimalMode = DecimalMode.PRECISE
    time_mode: TimeMode = TimeMode.ADAPTIVE
    binary_mode: BinaryMode = BinaryMode.BYTES
    interval_mode: IntervalMode = IntervalMode.NUMERIC
    hstore_mode: HstoreMode = HstoreMode.JSON
    money_fraction_digits: int = 2
    include_unknown_types: bool = False
    unavailable_placeholder: bytes = b"__debezium_unavailable_value"
    converting_failure: ConvertingFailure = ConvertingFailure.WARN
    tombstones_on_delete: bool = True
    skipped_operations: str = "t"
    skip_unchanged: bool = False
    extended_headers: bool = True
    topic_delimiter: str = "."
    reselect: ReselectSettings | None = None
    naming: TopicNaming = field(default_factory=TopicNaming)
    schema_names: NameAdjustment = NameAdjustment.NONE
    field_names: NameAdjustment = NameAdjustment.NONE
    queue_bytes: int = 33_554_432
    beside: BesideSettings = field(default_factory=BesideSettings)
    local_only: bool = False
    stream_open: bool = False
    slot_drop_on_stop: bool = False
    initial_statements: tuple[str, ...] = ()

    @property
    def snapshot_policy(self) -> SnapshotPolicy:
        """When a snapshot is taken, and whether streaming follows."""
        return policy_of(self.snapshot_mode, self.snapshot.configured)

    @property
    def hosts(self) -> tuple[Host, ...]:
        """Where the server may be: `hostname` may be a list, as in `db1,db2:5433`."""
        return parse_hosts(self.hostname, self.port)

    @classmethod
    def from_config(cls, config: Config) -> PostgresSettings:
        """Return the settings of a configuration read by the PostgreSQL table."""
        return cls(
            hostname=config.string("database.hostname"),
            port=config.integer("database.port"),
            dbname=config.string("database.dbname"),
            user=config.string("database.user"),
            password=config.password("database.password"),
            sslmode=config.string("database.sslmode"),
            sslcert=config.string("database.sslcert"),
            sslkey=config.string("database.sslkey"),
            sslpassword=config.password("database.sslpassword"),
            sslrootcert=config.string("database.sslrootcert"),
            slot_name=config.string("slot.name"),
            slot_max_retries=config.integer("slot.max.retries"),
            slot_retry_delay=config.integer("slot.retry.delay.ms") / 1000,
            slot_failover=config.boolean("slot.failover"),
            slot_wal_warn_bytes=config.integer("slot.wal.warn.bytes"),
            publication_name=config.string("publication.name"),
            publication_autocreate=PublicationAutocreate(config.string("publication.autocreate.mode")),
            offset_mismatch=OffsetMismatch(config.string("offset.mismatch.strategy")),
            status_update_interval=config.integer("status.update.interval.ms") / 1000,
            publish_via_root=config.boolean("publish.via.partition.root"),
            replica_identities=ReplicaIdentities.parse(config.string("replica.identity.autoset.values")),
            guardrail=Guardrail.from_config(config),
            columns=ColumnRules.from_config(config),
            tables=TableFilter(NameFilter.from_config(config, "schema"), NameFilter.from_config(config, "table")),
            snapshot_mode=SnapshotMode(config.string("snapshot.mode")),
            snapshot=SnapshotSettings.from_config(config),
            decimal_mode=DecimalMode(config.string("decimal.handling.mode")),
            time_mode=TimeMode(config.string("time.precision.mode")),
            binary_mode=BinaryMode(config.string("binary.handling.mode")),
            interval_mode=IntervalMode(config.string("interval.handling.mode")),
            hstore_mode=HstoreMode(config.string("hstore.handling.mode")),
            money_fraction_digits=config.integer("money.fraction.digits"),
            include_unknown_types=config.boolean("include.unknown.datatypes"),
            unavailable_placeholder=placeholder_bytes(config.string("unavailable.value.placeholder")),
            converting_failure=ConvertingFailure(config.string("event.converting.failure.handling.mode")),
            skipped_operations="".join(config.list("skipped.operations")).replace("none", ""),
            skip_unchanged=config.boolean("skip.messages.without.change"),
            tombstones_on_delete=config.boolean("tombstones.on.delete"),
            extended_headers=config.boolean("extended.headers.enabled"),
            topic_prefix=config.string("topic.prefix"),
            topic_delimiter=config.string("topic.delimiter"),
            reselect=ReselectSettings.from_config(config),
            naming=TopicNaming.from_config(config),
            schema_names=NameAdjustment(config.string("schema.name.adjustment.mode")),
            field_names=NameAdjustment(config.string("field.name.adjustment.mode")),
            queue_bytes=config.integer("max.queue.size.in.bytes"),
            beside=BesideSettings.with_messages(config),
            local_only=local_only(config.string("slot.stream.params")),
            stream_open=stream_open(config.string("slot.stream.params")),
            slot_drop_on_stop=config.boolean("slot.drop.on.stop"),
            initial_statements=split_statements(config.string("database.initial.statements")),
        )


@dataclass(frozen=True, slots=True)
class SecuritySettings:
    """How the connection to the brokers is encrypted and begins.

    `ca`, `certificate` and `key` are PEM: paths in the `…_file` fields, texts in the others; at most one of each pair is set. Without
    a CA, the operating system's are trusted. `mechanism` is "" when the protocol asks for no login.
    """

    protocol: str = "PLAINTEXT"
    mechanism: str = ""
    username: str = ""
    password: Secret = field(default_factory=Secret)
    ca_file: str = ""
    ca: str = ""
    certificate_file: str = ""
    certificate: str = ""
    key_file: str = ""
    key: Secret = field(default_factory=Secret)
    key_password: Secret = field(default_factory=Secret)
    check_hostname: bool = True

    @classmethod
    def from_config(cls, config: Config) -> SecuritySettings:
        """Return the settings of a configuration; the login may come from `sasl.jaas.config`."""
        protocol = config.string("security.protocol")
        username, password = config.string("sasl.username"), config.password("sasl.password")
        if config.is_set("sasl.jaas.config"):
            login = parse_jaas(config.password("sasl.jaas.config").reveal())
            username, password = login.username, login.password
        return cls(
            protocol=protocol,
            mechanism=config.string("sasl.mechanism") if protocol.startswith("SASL") else "",
            username=username,
            password=password,
            ca_file=config.string("ssl.truststore.location"),
            ca=config.string("ssl.truststore.certificates"),
            certificate_file=config.string("ssl.keystore.location"),
            certificate=config.string("ssl.keystore.certificate.chain"),
            key_file=config.string("ssl.key.location"),
            key=config.password("ssl.keystore.key"),
            key_password=config.password("ssl.key.password"),
            check_hostname=config.string("ssl.endpoint.identification.algorithm") == "https",
        )


@dataclass(frozen=True, slots=True)
class TopicSettings:
    """How missing topics are created; -1 partitions or replicas are the broker's default. `configs` holds Kafka's topic settings."""

    create: bool = True
    partitions: int = -1
    replication_factor: int = -1
    configs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """The Kafka side. Sizes are in bytes, times in seconds; `compression` is "none" or a codec's name."""

    transactional_id: str
    client_id: str
    bootstrap_servers: tuple[str, ...] = ("localhost:9092",)
    security: SecuritySettings = field(default_factory=SecuritySettings)
    compression: str = "zstd"
    batch_bytes: int = 524_288
    max_request_bytes: int = 16_777_216
    request_timeout: float = 30.0
    metadata_max_age: float = 300.0
    transaction_timeout: float = 60.0
    offset_topic: str = "cdc-stream-offsets"
    offset_partitions: int = 1
    offset_replication_factor: int = -1
    topics: TopicSettings = field(default_factory=TopicSettings)

    @classmethod
    def from_config(cls, config: Config) -> KafkaSettings:
        """Return the settings of a configuration; the transactional id is `cdcstream-<name>`."""
        transactional_id = f"cdcstream-{config.string('name')}"
        return cls(
            transactional_id=transactional_id,
            client_id=config.string("client.id") or transactional_id,
            bootstrap_servers=tuple(server.rpartition("://")[2] for server in config.list("bootstrap.servers")),
            security=SecuritySettings.from_config(config),
            compression=config.string("compression.type"),
            batch_bytes=config.integer("batch.size"),
            max_request_bytes=config.integer("max.request.size"),
            request_timeout=config.integer("request.timeout.ms") / 1000,
            metadata_max_age=config.integer("metadata.max.age.ms") / 1000,
            transaction_timeout=config.integer("transaction.timeout.ms") / 1000,
            offset_topic=config.string("offset.storage.topic"),
            offset_partitions=config.integer("offset.storage.partitions"),
            offset_replication_factor=config.integer("offset.storage.replication.factor"),
            topics=TopicSettings(
                create=config.boolean("topic.creation.enable"),
                partitions=config.integer("topic.creation.default.partitions"),
                replication_factor=config.integer("topic.creation.default.replication.factor"),
                configs=_topic_configs(config),
            ),
        )


@dataclass(frozen=True, slots=True)
class ConverterSettings:
    """How a JSON converter writes keys or values."""

    schemas_enable: bool = True
    decimal_format: DecimalFormat = DecimalFormat.BASE64
    replace_null_with_default: bool = True

    @classmethod
    def from_config(cls, config: Config, side: str) -> ConverterSettings:
        """Return the settings of one side, "key" or "value"."""
        return cls(
            schemas_enable=config.boolean(f"{side}.converter.schemas.enable"),
            decimal_format=DecimalFormat(config.string(f"{side}.converter.decimal.format")),
            replace_null_with_default=config.boolean(f"{side}.converter.replace.null.with.default"),
        )


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """How source transactions are grouped, and what happens when a server is gone.

    A Kafka transaction ends with the source transaction in which it reaches one of the limits (rows, bytes, seconds).
    `max_retries` None is without end; `retry_delay` is the longest pause, in seconds.
    """

    transaction_rows: int = 50_000
    transaction_bytes: int = 16_777_216
    transaction_seconds: float = 0.5
    max_retries: int | None = None
    retry_delay: float = 10.0

    @classmethod
    def from_config(cls, config: Config) -> PipelineSettings:
        """Return the settings of a configuration."""
        retries = config.integer("errors.max.retries")
        return cls(
            transaction_rows=config.integer("transaction.max.rows"),
            transaction_bytes=config.integer("transaction.max.bytes"),
            transaction_seconds=config.integer("transaction.max.ms") / 1000,
            max_retries=None if retries < 0 else retries,
            retry_delay=config.integer("retriable.restart.connector.wait.ms") / 1000,
        )


def _topic_configs(config: Config) -> Mapping[str, str]:
    known = {"partitions", "replication.factor"}
    return {name: text for name, text in config.beneath("topic.creation.default.").items() if name not in known}
