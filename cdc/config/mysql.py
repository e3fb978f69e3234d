"""The properties of the MySQL source connector, by the names and defaults of Debezium 3.7 except where the table says why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Final

from cdc.config import connect, debezium, history, kafka, snapshot
from cdc.config.classes import MYSQL_CONNECTOR
from cdc.config.columns import usable_names
from cdc.config.definition import Definition, Prefix
from cdc.config.driver import driver_property, no_disguised_names
from cdc.config.filters import list_names, one_list_each
from cdc.config.hosts import HOSTS
from cdc.config.post_processors import usable_post_processors
from cdc.config.property import (
    REQUIRED,
    Importance,
    Property,
    Status,
    Type,
    in_group,
    planned,
    varied,
    without,
    without_effect,
)
from cdc.config.topics import usable_naming
from cdc.config.validators import PATTERNS, PLACEHOLDER, PRINTABLE, between

HIGH: Final = Importance.HIGH
LOW: Final = Importance.LOW

_JAVA_DRIVER: Final = "it names what the Java driver does"
_NO_DRIVER: Final = "the connector speaks the protocol itself"


def _of_databases(properties: Iterable[Property]) -> tuple[Property, ...]:
    """Return the properties with names of tables told as MySQL has them."""
    return tuple(replace(each, doc=each.doc.replace("schema.table", "database.table")) for each in properties)


CONNECTION: Final = in_group(
    "Connection",
    Property(
        "database.hostname",
        Type.STRING,
        REQUIRED,
        "Host name or address of the MySQL server. Of several, separated by commas and with :port where it differs, the first that answers"
        " is used; with GTIDs the stream goes on at any server that has all of its changes.",
        HIGH,
        validator=HOSTS,
    ),
    Property("database.port", Type.INT, "3306", "Port of the server.", HIGH, validator=between(1, 65535)),
    Property(
        "database.user",
        Type.STRING,
        REQUIRED,
        "User to connect as; it needs REPLICATION SLAVE, REPLICATION CLIENT, and SELECT on the captured tables; for the snapshot RELOAD or"
        " LOCK TABLES too.",
        HIGH,
        validator=PRINTABLE,
    ),
    Property("database.password", Type.PASSWORD, None, "Password of that user.", HIGH),
    Property(
        "database.server.id",
        Type.LONG,
        REQUIRED,
        "Number by which the server knows the connector as a replica; no other server or replica of the topology may have it.",
        HIGH,
        validator=between(1, 4_294_967_295),
    ),
    without_effect(
        "database.server.id.offset",
        Type.LONG,
        "10000",
        "What is added to the number for further readers.",
        "there is one reader",
    ),
    Property(
        "database.ssl.mode",
        Type.STRING,
        "preferred",
        "Whether the connection is encrypted and the server's certificate is checked. Only verify_identity protects against somebody in"
        " between.",
        choices=("disabled", "preferred", "required", "verify_ca", "verify_identity"),
        former={"verify-ca": "verify_ca", "verify-identity": "verify_identity", "disable": "disabled"},
    ),
    Property(
        "database.ssl.truststore",
        Type.STRING,
        None,
        "File with the certificates that sign the server's, PEM; the operating system's without one.",
        LOW,
    ),
    Property(
        "database.ssl.truststore.password",
        Type.PASSWORD,
        None,
        "Password of that file; PEM has none.",
        LOW,
    ),
    Property(
        "database.ssl.keystore",
        Type.STRING,
        None,
        "File with the client's certificate and key, PEM.",
        LOW,
    ),
    Property("database.ssl.keystore.password", Type.PASSWORD, None, "Password of that key.", LOW),
    Property(
        "database.compression",
        Type.STRING,
        "none",
        "Whether what the server sends is compressed: for slow networks.",
        LOW,
        choices=("none", "zlib", "zstd"),
    ),
    Property(
        "database.initial.statements",
        Type.STRING,
        "",
        "SQL statements to run on each new connection that is not for the binlog, separated by semicolons; two stand for one inside a"
        " statement.",
        LOW,
    ),
    Property(
        "connect.timeout.ms",
        Type.INT,
        "30000",
        "Longest wait for a connection, in milliseconds.",
        LOW,
        validator=between(1, unit="milliseconds"),
    ),
    Property(
        "connect.keep.alive.interval.ms",
        Type.LONG,
        "60000",
        "Interval at which the server shows that it is there when nothing is written, in milliseconds; after two of them without a sign the"
        " connection is made anew.",
        LOW,
        validator=between(100, unit="milliseconds"),
    ),
    without_effect(
        "connect.keep.alive",
        Type.BOOLEAN,
        "true",
        "Whether an idle connection is watched.",
        "it always is",
    ),
    without_effect(
        "database.query.timeout.ms",
        Type.LONG,
        "600000",
        "Longest run of a query, in milliseconds.",
        "set max_execution_time for the server instead",
    ),
    without_effect("binlog.net.read.timeout", Type.LONG, "0", "The server's net_read_timeout.", _NO_DRIVER),
    without_effect("binlog.net.write.timeout", Type.LONG, "0", "The server's net_write_timeout.", _NO_DRIVER),
    without_effect("use.nongraceful.disconnect", Type.BOOLEAN, "false", "How connections are closed.", _NO_DRIVER),
    without_effect("database.protocol", Type.STRING, "jdbc:mysql", "Protocol of the Java driver.", _JAVA_DRIVER),
    without_effect("database.jdbc.driver", Type.CLASS, None, "Class of the Java driver.", _JAVA_DRIVER),
    driver_property(_JAVA_DRIVER),
    without_effect(
        "connection.validation.timeout.ms",
        Type.LONG,
        "60000",
        "Longest wait of a validation's connection, in milliseconds.",
        "connect.timeout.ms holds",
    ),
)

BINLOG: Final = in_group(
    "Binlog",
    Property(
        "gtid.source.includes",
        Type.STRING,
        "",
        "Servers whose GTIDs count for where to go on, as regular expressions over their UUIDs. Excludes gtid.source.excludes.",
        validator=PATTERNS,
    ),
    Property(
        "gtid.source.excludes",
        Type.STRING,
        "",
        "Servers whose GTIDs do not count for where to go on, as regular expressions over their UUIDs.",
        validator=PATTERNS,
    ),
    Property(
        "gtid.source.filter.dml.events",
        Type.BOOLEAN,
        "true",
        "Whether changes of the servers that do not count are left out of the stream too.",
        LOW,
    ),
    planned(
        "gtid.ignore.on.recovery",
        Type.BOOLEAN,
        "false",
        "Whether a stored position without its GTIDs is good enough.",
    ),
    Property(
        "include.query",
        Type.BOOLEAN,
        "false",
        "Whether the source block has the statement that made the change. Needs binlog_rows_query_log_events at the server.",
    ),
    without_effect(
        "binlog.buffer.size",
        Type.INT,
        "0",
        "Events to look ahead for a rollback.",
        "what is rolled back is never published",
        validator=between(0),
    ),
    Property(
        "event.deserialization.failure.handling.mode",
        Type.STRING,
        "fail",
        "What happens with an event that cannot be read.",
        LOW,
        choices=("fail",),
        planned=("warn", "skip", "ignore"),
    ),
    Property(
        "inconsistent.schema.handling.mode",
        Type.STRING,
        "fail",
        "What happens with rows of a captured table whose definition is not known, or that do not fit it: fail stops the connector, warn and"
        " skip leave the rows out, the former with a word in the log.",
        choices=("fail", "warn", "skip"),
    ),
    without_effect(
        "ddl.parser.type",
        Type.STRING,
        "default",
        "Grammar by which DDL is read.",
        "there is one",
        choices=("default", "legacy"),
    ),
    Property(
        "resolve.create.table.like.schema",
        Type.BOOLEAN,
        "true",
        "Whether CREATE TABLE … LIKE takes over the columns of a table that is not captured.",
        LOW,
        debezium_default="false",
        why="Rows of the new table could not be read otherwise.",
    ),
)

FILTERS: Final = in_group(
    "Filters",
    Property(
        "database.include.list", Type.STRING, "", "Databases to capture, as regular expressions.", validator=PATTERNS
    ),
    Property(
        "database.exclude.list",
        Type.STRING,
        "",
        "Databases not to capture, as regular expressions; those of the system never are.",
        validator=PATTERNS,
    ),
    *varied(
        varied(
            _of_databases(debezium.FILTERS),
            "table.ignore.builtin",
            reason="those of mysql, sys, performance_schema and information_schema are never captured",
        ),
        "guardrail.collections.max",
        doc="Largest number of tables at a start, 0 is no limit: of those in the schema history, which has the captured ones alone if"
        " schema.history.internal.store.only.captured.tables.ddl is true.",
    ),
)

EVENTS: Final = in_group(
    "Events",
    *varied(
        varied(
            _of_databases(debezium.EVENTS),
            "skip.messages.without.change",
            doc="Whether updates that change no published column are left out. It takes the old row to tell: binlog_row_image=FULL.",
        ),
        "message.key.columns",
        doc="Columns to use as the record key in place of the primary key: table:column,column for each table, separated by semicolons,"
        " tables and columns as regular expressions.",
    ),
    Property(
        "include.schema.changes",
        Type.BOOLEAN,
        "true",
        "Whether changes of definitions are published, to the topic topic.prefix.",
    ),
    Property(
        "include.schema.comments",
        Type.BOOLEAN,
        "false",
        "Whether these and the schema history have the comments of tables and columns.",
        LOW,
    ),
    without_effect(
        "source.struct.version", Type.STRING, "v2", "Version of the source block.", "there is one version left"
    ),
)

TYPES: Final = in_group(
    "Types",
    *varied(
        debezium.TYPES,
        "time.precision.mode",
        default="adaptive_time_microseconds",
        doc="How dates and times are published: adaptive_time_microseconds takes milli- or microseconds by the column's precision, and for"
        " TIME always microseconds; connect Connect's own types (milliseconds), isostring ISO 8601 text, structured a struct with a number"
        " for each part, the others what they say.",
        choices=(
            "adaptive_time_microseconds",
            "connect",
            "microseconds",
            "nanoseconds",
            "isostring",
            "structured",
        ),
    ),
    Property(
        "bigint.unsigned.handling.mode",
        Type.STRING,
        "long",
        "How BIGINT UNSIGNED is published: long as 64 bits with a sign, so that what is beyond 2^63 - 1 comes out negative; precise as"
        " Connect's Decimal.",
        choices=("long", "precise"),
    ),
    Property(
        "enable.time.adjuster",
        Type.BOOLEAN,
        "true",
        "Whether years of two digits in dates mean 1970 to 2069, as the server takes them.",
        LOW,
    ),
    Property(
        "unavailable.value.placeholder",
        Type.STRING,
        "__debezium_unavailable_value",
        "What stands for a value that binlog_row_image=MINIMAL or NOBLOB leaves out. With hex: before it, bytes.",
        validator=PLACEHOLDER,
    ),
)

_CONFIGURED: Final = "snapshot.mode.configuration.based.snapshot"
_SNAPSHOT = varied(
    varied(
        varied(
            _of_databases(debezium.SNAPSHOT),
            "snapshot.mode",
            choices=("always", "initial_only", "configuration_based", "when_needed", "initial", "no_data", "recovery"),
            planned=("custom",),
            former={},
            doc="When all rows are published as they are. initial: at the first start, then the changes. initial_only: the same without the"
            " changes. always: at each start, though not after an outage. when_needed: at the first start, and when the binlog behind the"
            " stored offset is gone. no_data: never, only the changes. recovery: reads the definitions anew when the schema history is lost;"
            " no definition may have changed since the stored offset. configuration_based: as snapshot.mode.configuration.based.* says.",
        ),
        "snapshot.locking.mode",
        default="minimal",
        choices=(
            "minimal",
            "minimal_at_least_once",
            "minimal_percona",
            "minimal_percona_no_table_locks",
            "extended",
            "none",
        ),
        planned=("custom",),
        doc="What keeps definitions and position together. minimal: no table can be written to while the position and the definitions are read,"
        " which is short. minimal_percona, minimal_percona_no_table_locks: the same by the backup lock of MariaDB, which stops commits alone, or of"
        " Percona Server, which stops DDL alone, so that what is committed as the snapshot begins may come twice; refused elsewhere. extended:"
        " until all rows are read. none: no lock, so no definition may change meanwhile; on MySQL what is committed as it begins may come twice.",
    ),
    "snapshot.max.threads",
    doc="Number of connections by which the snapshot reads. Large tables are read by several at once, in ranges of their primary key; all see"
    " the same moment.",
)

SNAPSHOT: Final = in_group(
    "Snapshot",
    *varied(
        varied(
            varied(_SNAPSHOT, "snapshot.fetch.size", reason="rows arrive as a stream"),
            f"{_CONFIGURED}.schema",
            doc="configuration_based: whether definitions are read. They are at the first start in any case; by itself it publishes them, and"
            " nothing else.",
            status=Status.SUPPORTED,
            reason="",
        ),
        f"{_CONFIGURED}.on.schema.error",
        reason="a lost history is an error; snapshot.mode=recovery builds it anew",
    ),
    without_effect(
        "min.row.count.to.stream.results",
        Type.INT,
        "1000",
        "From how many rows on a table is streamed.",
        "every table is",
        validator=between(0),
    ),
)

TOPICS: Final = varied(
    without(debezium.TOPICS, "heartbeat.message.prefix"),
    "topic.naming.strategy",
    default="io.debezium.schema.DefaultTopicNamingStrategy",
    doc="How topics are named, with an underscore for each character that Kafka does not allow. Default: prefix, database and table; Schema:"
    " prefix and table. Unicode puts a character's code, as _u0020, for such a character (and for the underscore); Regex sends tables to the"
    " topics that topic.regex says.",
)


SIGNALS: Final = in_group(
    "Signals",
    *debezium.SIGNALS,
    without_effect(
        "incremental.snapshot.allow.schema.changes",
        Type.BOOLEAN,
        "false",
        "Whether tables may be changed during an incremental snapshot.",
        debezium.NO_SIGNALS,
    ),
)

#: The properties of which only one may be set.
EXCLUSIVE: Final = (*list_names("database", "table", "column"), ("gtid.source.includes", "gtid.source.excludes"))


MYSQL: Final = Definition(
    (
        *varied(connect.COMMON, "connector.class", validator=MYSQL_CONNECTOR),
        *CONNECTION,
        *BINLOG,
        *history.HISTORY,
        *FILTERS,
        *SNAPSHOT,
        *EVENTS,
        *TYPES,
        *TOPICS,
        *connect.CONVERTERS,
        *connect.TRANSFORMS,
        *connect.ERRORS,
        *connect.EXACTLY_ONCE,
        *kafka.TOPIC_CREATION,
        *kafka.OFFSETS,
        *kafka.TRANSACTIONS,
        *kafka.CLIENT,
        *kafka.SECURITY,
        *SIGNALS,
        *debezium.ADVANCED,
    ),
    prefixes=(
        *connect.PREFIXES,
        *debezium.PREFIXES,
        *kafka.PREFIXES,
        *history.PREFIXES,
        Prefix("driver.", "Properties of the Java driver."),
    ),
    list_prefixes=("converters", "post.processors"),
    renamed=debezium.FORMER_NAMES,
    rules=(
        partial(one_list_each, pairs=EXCLUSIVE),
        partial(no_disguised_names, properties=CONNECTION + FILTERS),
        debezium.queue_beyond_batch,
        usable_names,
        usable_naming,
        usable_post_processors,
        snapshot.selects_complete,
        partial(snapshot.configured_does_something, names=(f"{_CONFIGURED}.schema", *snapshot.READS)),
        *kafka.RULES,
    ),
)
"""All properties of `io.debezium.connector.mysql.MySqlConnector`, and those of Kafka beside them."""
