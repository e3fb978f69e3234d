"""The configuration of the MySQL source as the other rooms use it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Final

from cdc.config.beside import BesideSettings
from cdc.config.columns import ColumnRules
from cdc.config.definition import Config
from cdc.config.filters import Guardrail, NameFilter, TableFilter
from cdc.config.history import HistorySettings
from cdc.config.hosts import Host, parse_hosts
from cdc.config.post_processors import ReselectSettings
from cdc.config.secret import Secret
from cdc.config.settings import BinaryMode, ConvertingFailure, DecimalMode, NameAdjustment, TimeMode
from cdc.config.snapshot import SnapshotMode, SnapshotPolicy, SnapshotSettings, policy_of
from cdc.config.statements import split_statements
from cdc.config.topics import TopicNaming
from cdc.config.validators import placeholder_bytes

#: The server's own databases.
SYSTEM: Final = frozenset({"mysql", "sys", "performance_schema", "information_schema"})


class TlsMode(enum.StrEnum):
    """Whether the connection is encrypted, and what of the server's certificate is checked."""

    DISABLED = "disabled"
    PREFERRED = "preferred"
    REQUIRED = "required"
    VERIFY_CA = "verify_ca"
    VERIFY_IDENTITY = "verify_identity"


class Locking(enum.StrEnum):
    """What keeps definitions and position of a snapshot together."""

    MINIMAL = "minimal"
    MINIMAL_AT_LEAST_ONCE = "minimal_at_least_once"
    MINIMAL_PERCONA = "minimal_percona"
    MINIMAL_PERCONA_NO_TABLE_LOCKS = "minimal_percona_no_table_locks"
    EXTENDED = "extended"
    NONE = "none"


class UnsignedMode(enum.StrEnum):
    """How BIGINT UNSIGNED is published."""

    LONG = "long"
    PRECISE = "precise"


class InconsistentSchema(enum.StrEnum):
    """What happens with rows of a captured table whose definition is not known."""

    FAIL = "fail"
    WARN = "warn"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class MySqlSettings:
    """Where the MySQL source connects, what it captures and how it publishes values.

    Files are paths; an empty text means that nothing was set. Times are in seconds. `gtid_sources` passes the UUIDs of the servers whose
    GTIDs count.
    """

    hostname: str
    user: str
    server_id: int
    topic_prefix: str
    port: int = 3306
    password: Secret = field(default_factory=Secret)
    tls: TlsMode = TlsMode.PREFERRED
    truststore: str = ""
    keystore: str = ""
    keystore_password: Secret = field(default_factory=Secret)
    compression: str = "none"
    connect_timeout: float = 30.0
    keep_alive_interval: float = 60.0
    initial_statements: tuple[str, ...] = ()
    gtid_sources: NameFilter = field(default_factory=NameFilter)
    filters_changes_by_gtid: bool = True
    include_query: bool = False
    include_schema_changes: bool = True
    include_schema_comments: bool = False
    inconsistent_schema: InconsistentSchema = InconsistentSchema.FAIL
    history: HistorySettings = field(default_factory=HistorySettings)
    tables: TableFilter = field(default_factory=lambda: TableFilter(system=SYSTEM))
    guardrail: Guardrail = field(default_factory=Guardrail)
    columns: ColumnRules = field(default_factory=ColumnRules)
    snapshot_mode: SnapshotMode = SnapshotMode.INITIAL
    snapshot: SnapshotSettings = field(default_factory=SnapshotSettings)
    locking: Locking = Locking.MINIMAL
    decimal_mode: DecimalMode = DecimalMode.PRECISE
    time_mode: TimeMode = TimeMode.ADAPTIVE_TIME_MICROSECONDS
    binary_mode: BinaryMode = BinaryMode.BYTES
    unsigned_mode: UnsignedMode = UnsignedMode.LONG
    adjusts_years: bool = True
    unavailable_placeholder: bytes = b"__debezium_unavailable_value"
    converting_failure: ConvertingFailure = ConvertingFailure.WARN
    tombstones_on_delete: bool = True
    skipped_operations: str = "t"
    skip_unchanged: bool = False
    extended_headers: bool = True
    topic_delimiter: str = "."
    naming: TopicNaming = field(default_factory=TopicNaming)
    schema_names: NameAdjustment = NameAdjustment.NONE
    field_names: NameAdjustment = NameAdjustment.NONE
    queue_bytes: int = 33_554_432
    beside: BesideSettings = field(default_factory=BesideSettings)
    reselect: ReselectSettings | None = None

    @property
    def snapshot_policy(self) -> SnapshotPolicy:
        """When a snapshot is taken, and whether streaming follows."""
        return policy_of(self.snapshot_mode, self.snapshot.configured)

    @property
    def hosts(self) -> tuple[Host, ...]:
        """Where the server may be: `hostname` may be a list, as in `db1,db2:3307`."""
        return parse_hosts(self.hostname, self.port)

    @classmethod
    def from_config(cls, config: Config) -> MySqlSettings:
        """Return the settings of a configuration read by the MySQL table."""
        return cls(
            hostname=config.string("database.hostname"),
            port=config.integer("database.port"),
            user=config.string("database.user"),
            password=config.password("database.password"),
            server_id=config.integer("database.server.id"),
            tls=TlsMode(config.string("database.ssl.mode")),
            truststore=config.string("database.ssl.truststore"),
            keystore=config.string("database.ssl.keystore"),
            keystore_password=config.password("database.ssl.keystore.password"),
            compression=config.string("database.compression"),
            connect_timeout=config.integer("connect.timeout.ms") / 1000,
            keep_alive_interval=config.integer("connect.keep.alive.interval.ms") / 1000,
            initial_statements=split_statements(config.string("database.initial.statements")),
            gtid_sources=NameFilter.parse(
                config.string("gtid.source.includes"), config.string("gtid.source.excludes"), "gtid.source"
            ),
            filters_changes_by_gtid=config.boolean("gtid.source.filter.dml.events"),
            include_query=config.boolean("include.query"),
            include_schema_changes=config.boolean("include.schema.changes"),
            include_schema_comments=config.boolean("include.schema.comments"),
            inconsistent_schema=InconsistentSchema(config.string("inconsistent.schema.handling.mode")),
            history=HistorySettings.from_config(config),
            tables=TableFilter(
                NameFilter.from_config(config, "database"), NameFilter.from_config(config, "table"), SYSTEM
            ),
            guardrail=Guardrail.from_config(config),
            columns=ColumnRules.from_config(config),
            snapshot_mode=SnapshotMode(config.string("snapshot.mode")),
            snapshot=SnapshotSettings.from_config(config),
            locking=Locking(config.string("snapshot.locking.mode")),
            decimal_mode=DecimalMode(config.string("decimal.handling.mode")),
            time_mode=TimeMode(config.string("time.precision.mode")),
            binary_mode=BinaryMode(config.string("binary.handling.mode")),
            unsigned_mode=UnsignedMode(config.string("bigint.unsigned.handling.mode")),
            adjusts_years=config.boolean("enable.time.adjuster"),
            unavailable_placeholder=placeholder_bytes(config.string("unavailable.value.placeholder")),
            converting_failure=ConvertingFailure(config.string("event.converting.failure.handling.mode")),
            tombstones_on_delete=config.boolean("tombstones.on.delete"),
            skipped_operations="".join(config.list("skipped.operations")).replace("none", ""),
            skip_unchanged=config.boolean("skip.messages.without.change"),
            extended_headers=config.boolean("extended.headers.enabled"),
            topic_prefix=config.string("topic.prefix"),
            topic_delimiter=config.string("topic.delimiter"),
            naming=TopicNaming.from_config(config, default_has_schemas=True),
            schema_names=NameAdjustment(config.string("schema.name.adjustment.mode")),
            field_names=NameAdjustment(config.string("field.name.adjustment.mode")),
            queue_bytes=config.integer("max.queue.size.in.bytes"),
            beside=BesideSettings.from_config(config),
            reselect=ReselectSettings.from_config(config),
        )
