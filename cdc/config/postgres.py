"""The properties of the PostgreSQL source connector, by the names and defaults of Debezium 3.7 except where the table says why."""

from __future__ import annotations

from functools import partial
from typing import Final

from cdc.config import beside, connect, debezium, kafka, snapshot
from cdc.config.columns import usable_names
from cdc.config.definition import Definition
from cdc.config.driver import driver_property, no_disguised_names
from cdc.config.filters import list_names, one_list_each
from cdc.config.hosts import HOSTS
from cdc.config.post_processors import usable_post_processors
from cdc.config.property import REQUIRED, Importance, Property, Type, in_group, planned, without_effect
from cdc.config.stream_options import STREAM_OPTIONS
from cdc.config.topics import usable_naming
from cdc.config.validators import IDENTITIES, PATTERNS, PLACEHOLDER, PRINTABLE, between, matching, only

HIGH: Final = Importance.HIGH
LOW: Final = Importance.LOW

_JAVA_DRIVER: Final = "It names a Java class."

CONNECTION: Final = in_group(
    "Connection",
    Property(
        "database.hostname",
        Type.STRING,
        REQUIRED,
        "Host name or address of the PostgreSQL server. Of several, separated by commas and with :port where it differs, the one that"
        " takes writes is used; they are looked up anew for each connection.",
        HIGH,
        validator=HOSTS,
    ),
    Property("database.port", Type.INT, "5432", "Port of the server.", HIGH, validator=between(1, 65535)),
    Property(
        "database.user",
        Type.STRING,
        REQUIRED,
        "Role to connect as; it needs LOGIN, REPLICATION and SELECT on the captured tables.",
        HIGH,
        validator=PRINTABLE,
    ),
    Property("database.password", Type.PASSWORD, None, "Password of that role.", HIGH),
    Property(
        "database.dbname",
        Type.STRING,
        REQUIRED,
        "Database to capture. A slot belongs to one database, so another one needs a connector of its own.",
        HIGH,
        validator=PRINTABLE,
    ),
    Property(
        "database.sslmode",
        Type.STRING,
        "prefer",
        "Whether the connection is encrypted and the server's certificate is checked, in libpq's words."
        " Only verify-full protects against somebody in between.",
        choices=("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
        former={"verify_ca": "verify-ca", "verify_full": "verify-full"},
    ),
    Property("database.sslcert", Type.STRING, None, "File with the client's certificate, PEM.", LOW),
    Property("database.sslkey", Type.STRING, None, "File with the client's key, PEM.", LOW),
    Property("database.sslpassword", Type.PASSWORD, None, "Password of that key.", LOW),
    Property("database.sslrootcert", Type.STRING, None, "File with the certificates that sign the server's, PEM.", LOW),
    planned("database.sslfactory", Type.CLASS, None, "Java class that makes encrypted sockets.", reason=_JAVA_DRIVER),
    planned(
        "database.connection.factory.class", Type.CLASS, None, "Java class that makes connections.", reason=_JAVA_DRIVER
    ),
    Property(
        "database.initial.statements",
        Type.STRING,
        "",
        "SQL statements to run on each new connection that is not for replication, separated by semicolons; two stand for one inside a"
        " statement.",
        LOW,
    ),
    without_effect(
        "database.tcpKeepAlive",
        Type.BOOLEAN,
        "true",
        "Whether the operating system probes an idle connection.",
        "it always does",
    ),
    without_effect(
        "database.query.timeout.ms",
        Type.LONG,
        "600000",
        "Longest run of a query, in milliseconds.",
        "set statement_timeout for the role instead",
    ),
    without_effect(
        "connection.validation.timeout.ms",
        Type.LONG,
        "60000",
        "Longest wait of a validation's connection, in milliseconds.",
        "libpq's holds",
    ),
    driver_property("libpq connects, and not the Java driver"),
)

REPLICATION: Final = in_group(
    "Replication",
    Property(
        "plugin.name",
        Type.STRING,
        "pgoutput",
        "Output plugin of the slot.",
        choices=("pgoutput",),
        planned=("decoderbufs",),
        debezium_default="decoderbufs",
        why="pgoutput is part of every server since version 10; decoderbufs must be installed.",
    ),
    Property(
        "slot.name",
        Type.STRING,
        "debezium",
        "Replication slot to read; it is created when absent. One slot serves one connector.",
        HIGH,
        validator=matching("[a-z0-9_]{1,63}", "up to 63 small letters, digits and underscores"),
    ),
    Property(
        "slot.drop.on.stop",
        Type.BOOLEAN,
        "false",
        "Whether the slot is dropped when the connector is stopped. What is written until the next start is not captured then, and that"
        " start is refused until the stored offset is deleted. For trials only.",
        LOW,
    ),
    Property(
        "slot.stream.params",
        Type.STRING,
        "",
        "Further options of the stream, as name=value, separated by semicolons. origin=none publishes only what was written on this server,"
        " and nothing that another server's replication brought. streaming=on has the server send large transactions before they end;"
        " they are kept here, beyond max.queue.size.in.bytes in temporary files, and published when they commit.",
        LOW,
        validator=STREAM_OPTIONS,
    ),
    Property(
        "slot.failover",
        Type.BOOLEAN,
        "false",
        "Whether standby servers keep a copy of the slot, so that the stream goes on after a failover. PostgreSQL 17 and later; the standby needs"
        " sync_replication_slots, the primary synchronized_standby_slots.",
    ),
    Property(
        "slot.wal.warn.bytes",
        Type.LONG,
        "4294967296",
        "From how many bytes of log that the server keeps for the slot on there is a warning; 0 is never.",
        validator=between(0, unit="bytes"),
    ),
    Property(
        "slot.max.retries",
        Type.INT,
        "6",
        "How often a slot that another session reads is tried again before that is an error.",
        validator=between(0),
    ),
    Property(
        "slot.retry.delay.ms",
        Type.LONG,
        "10000",
        "Pause between those attempts, in milliseconds.",
        validator=between(1, unit="milliseconds"),
    ),
    Property(
        "publication.name",
        Type.STRING,
        "dbz_publication",
        "Publication that the slot is read through.",
        HIGH,
        validator=only(
            lambda name: (
                "" if name.isprintable() and len(name.encode()) < 64 else "is not a name that PostgreSQL takes"
            ),
            "a name of up to 63 bytes",
        ),
    ),
    Property(
        "publication.autocreate.mode",
        Type.STRING,
        "all_tables",
        "What happens when the publication is absent: all_tables creates it for all tables, also later ones (needs a superuser), filtered"
        " for the captured tables and adds new ones at each start, disabled is an error.",
        choices=("filtered", "all_tables", "disabled"),
        planned=("no_tables",),
    ),
    Property(
        "publish.via.partition.root",
        Type.BOOLEAN,
        "false",
        "Whether a publication that is created here shows changes of partitions under the partitioned table, and not under the partition."
        " A publication that exists already stays as it is.",
    ),
    Property(
        "replica.identity.autoset.values",
        Type.STRING,
        "",
        "Replica identities to give to captured tables at each start, tables as regular expressions: table:FULL,table:DEFAULT,table:NOTHING,"
        "table:INDEX name. The role must own the tables.",
        validator=IDENTITIES,
    ),
    Property(
        "offset.mismatch.strategy",
        Type.STRING,
        "trust_offset",
        "What happens when the slot stands ahead of the stored offset, so that changes between the two are lost: trust_offset is an error,"
        " trust_slot and trust_greater_lsn go on from the slot, with a warning that names the gap. no_validation does that too, and creates"
        " a slot that does not exist any more. A slot behind the offset is in good order.",
        choices=("no_validation", "trust_offset", "trust_slot", "trust_greater_lsn"),
        debezium_default="no_validation",
        why="Without the check, changes made between the stored offset and a recreated slot are missing, and nothing says so.",
    ),
    Property(
        "lsn.flush.mode",
        Type.STRING,
        "connector",
        "What is acknowledged to the server: what Kafka has committed and, while the captured tables are idle, the end of the log."
        " Both words mean that.",
        LOW,
        choices=("connector", "connector_and_driver"),
        planned=("manual",),
    ),
    planned(
        "flush.lsn.source", Type.BOOLEAN, "true", "Whether the connector acknowledges to the server what was published."
    ),
    without_effect(
        "lsn.flush.timeout.ms",
        Type.LONG,
        "30000",
        "Longest wait for an acknowledgement, in milliseconds.",
        "it is sent without a wait",
    ),
    without_effect(
        "lsn.flush.timeout.action", Type.STRING, "fail", "What happens after that wait.", "it is sent without a wait"
    ),
    Property(
        "status.update.interval.ms",
        Type.LONG,
        "10000",
        "Longest time between two acknowledgements, in milliseconds. Keep it well under the server's wal_sender_timeout.",
        validator=between(1, unit="milliseconds"),
    ),
    planned(
        "xmin.fetch.interval.ms",
        Type.LONG,
        "0",
        "Interval at which the slot's xmin is read, in milliseconds; 0 is never.",
    ),
    without_effect(
        "schema.refresh.mode",
        Type.STRING,
        "columns_diff",
        "When a table's columns are read again.",
        "the log itself says under which columns a row was written",
    ),
    *beside.MESSAGES,
)

FILTERS: Final = in_group(
    "Filters",
    Property("schema.include.list", Type.STRING, "", "Schemas to capture, as regular expressions.", validator=PATTERNS),
    Property(
        "schema.exclude.list", Type.STRING, "", "Schemas not to capture, as regular expressions.", validator=PATTERNS
    ),
    *debezium.FILTERS,
)

TYPES: Final = in_group(
    "Types",
    *debezium.TYPES,
    Property(
        "interval.handling.mode",
        Type.STRING,
        "numeric",
        "How INTERVAL is published: numeric as microseconds (a month counts 365.25 / 12 days), string as ISO 8601, P1Y2M3DT4H5M6.78S.",
        choices=("numeric", "string"),
    ),
    Property(
        "include.unknown.datatypes",
        Type.BOOLEAN,
        "false",
        "Whether columns of types that are not known are published, their text as bytes by binary.handling.mode. Otherwise they are left"
        " out, and reported once.",
    ),
    Property(
        "hstore.handling.mode",
        Type.STRING,
        "json",
        "How HSTORE is published: json as the text of a JSON object, map as a map of strings.",
        choices=("json", "map"),
    ),
    Property(
        "money.fraction.digits",
        Type.INT,
        "2",
        "Digits after the point of MONEY under decimal.handling.mode precise; it is rounded, half up.",
        validator=between(0, 18),
    ),
    Property(
        "unavailable.value.placeholder",
        Type.STRING,
        "__debezium_unavailable_value",
        "What stands for a large value that an update left unchanged and the log therefore lacks. With hex: before it, bytes.",
        validator=PLACEHOLDER,
    ),
)

SNAPSHOT: Final = in_group(
    "Snapshot",
    *debezium.SNAPSHOT,
    Property(
        "snapshot.isolation.mode",
        Type.STRING,
        "serializable",
        "Isolation of the snapshot. All tables are read as of one moment, whichever word stands here: the weaker levels would allow"
        " more, and need not be given less.",
        LOW,
        choices=("serializable", "repeatable_read", "read_committed", "read_uncommitted"),
    ),
)


#: The properties of which only one may be set.
EXCLUSIVE: Final = list_names("schema", "table", "column", "message.prefix")


POSTGRES: Final = Definition(
    (
        *connect.COMMON,
        *CONNECTION,
        *REPLICATION,
        *FILTERS,
        *SNAPSHOT,
        *debezium.EVENTS,
        *TYPES,
        *debezium.TOPICS,
        *connect.CONVERTERS,
        *connect.TRANSFORMS,
        *connect.ERRORS,
        *connect.EXACTLY_ONCE,
        *kafka.TOPIC_CREATION,
        *kafka.OFFSETS,
        *kafka.TRANSACTIONS,
        *kafka.CLIENT,
        *kafka.SECURITY,
        *debezium.SIGNALS,
        *debezium.ADVANCED,
    ),
    prefixes=(*connect.PREFIXES, *debezium.PREFIXES, *kafka.PREFIXES),
    list_prefixes=("converters", "post.processors"),
    renamed=debezium.FORMER_NAMES,
    rules=(
        partial(one_list_each, pairs=EXCLUSIVE),
        partial(no_disguised_names, properties=CONNECTION),
        debezium.queue_beyond_batch,
        usable_names,
        usable_naming,
        usable_post_processors,
        *snapshot.RULES,
        *kafka.RULES,
    ),
)
"""All properties of `io.debezium.connector.postgresql.PostgresConnector`, and those of Kafka beside them."""
