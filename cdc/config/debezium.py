"""The properties that Debezium's relational connectors share: filters, events, topics, snapshots, signals, errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cdc.config import beside, topics
from cdc.config.definition import Config, Prefix
from cdc.config.property import REQUIRED, Importance, Problem, Property, Type, in_group, planned, without_effect
from cdc.config.validators import KEY_COLUMNS, NONE_ALONE, PATTERNS, TAGS, TOPIC_PART, between

HIGH: Final = Importance.HIGH
LOW: Final = Importance.LOW

_SNAPSHOT_MODES: Final = (
    "custom",
    "recovery",
    "schema_only_recovery",
)
_QUEUE: Final = "the queue between reader and publisher is bounded by bytes: max.queue.size.in.bytes"
_JMX: Final = "metrics are not published through JMX"
NO_SIGNALS: Final = "signals are refused as yet, so nothing reads it"
_CONFIGURED: Final = "snapshot.mode.configuration.based"


FILTERS: Final = in_group(
    "Filters",
    Property(
        "table.include.list",
        Type.STRING,
        "",
        "Tables to capture, as regular expressions over schema.table. Excludes table.exclude.list.",
        HIGH,
        validator=PATTERNS,
    ),
    Property(
        "table.exclude.list",
        Type.STRING,
        "",
        "Tables not to capture, as regular expressions over schema.table; all others are captured.",
        HIGH,
        validator=PATTERNS,
    ),
    without_effect(
        "table.ignore.builtin",
        Type.BOOLEAN,
        "true",
        "Whether the server's own tables are left out.",
        "a publication cannot hold them",
    ),
    Property(
        "column.include.list",
        Type.STRING,
        "",
        "Columns to publish, as regular expressions over schema.table.column. Columns of the key stay in the record key in any case."
        " Excludes column.exclude.list.",
        validator=PATTERNS,
    ),
    Property(
        "column.exclude.list",
        Type.STRING,
        "",
        "Columns to leave out, as regular expressions over schema.table.column; all others are published.",
        validator=PATTERNS,
    ),
    Property(
        "column.truncate.to.<N>.chars",
        Type.STRING,
        "",
        "Columns, as regular expressions, whose text is cut after N characters and whose binary values are cut after N bytes. A character"
        " beyond the basic plane, such as an emoji, counts as two, as in Java, and is never split.",
        validator=PATTERNS,
    ),
    Property(
        "column.mask.with.<N>.chars",
        Type.STRING,
        "",
        "Columns, as regular expressions, whose text is replaced by N asterisks; null is replaced too. Columns that are not published as"
        " text keep their values. The record key carries a masked column in clear.",
        validator=PATTERNS,
    ),
    Property(
        "column.mask.hash.v2.<algorithm>.with.salt.<salt>",
        Type.STRING,
        "",
        "Columns, as regular expressions, whose text is replaced by the hash of salt and text, in hex, cut to the length of the column."
        " Null stays null. The algorithm is one that Java knows, such as SHA-256.",
        validator=PATTERNS,
    ),
    Property(
        "column.mask.hash.<algorithm>.with.salt.<salt>",
        Type.STRING,
        "",
        "As v2, over the bytes that Java's serialisation makes of the text. Prefer v2, which other programs can compute.",
        validator=PATTERNS,
    ),
    Property(
        "guardrail.collections.max",
        Type.INT,
        "0",
        "Largest number of captured tables at a start; 0 is no limit.",
        LOW,
        validator=between(0),
    ),
    Property(
        "guardrail.collections.limit.action",
        Type.STRING,
        "warn",
        "What happens beyond that number: warn says so in the log, fail refuses the start.",
        LOW,
        choices=("warn", "fail"),
    ),
)

EVENTS: Final = in_group(
    "Events",
    Property(
        "tombstones.on.delete",
        Type.BOOLEAN,
        "true",
        "Whether a delete is followed by a record with the key and no value, so that a compacted topic forgets the row.",
        HIGH,
    ),
    Property(
        "skipped.operations",
        Type.LIST,
        "t",
        "Operations that are not published: any of c (insert), u (update), d (delete), t (truncate); none publishes all.",
        choices=("c", "u", "d", "t", "none"),
        validator=NONE_ALONE,
    ),
    Property(
        "skip.messages.without.change",
        Type.BOOLEAN,
        "false",
        "Whether updates that change no published column are left out. It takes the old row to tell: REPLICA IDENTITY FULL.",
    ),
    Property(
        "message.key.columns",
        Type.STRING,
        "",
        "Columns to use as the record key in place of the primary key: table:column,column for each table, separated by semicolons, tables and"
        " columns as regular expressions. Unless they are the primary key's, give these tables REPLICA IDENTITY FULL.",
        validator=KEY_COLUMNS,
    ),
    *beside.TRANSACTIONS,
    planned("transaction.metadata.factory", Type.CLASS, None, "Class that makes transaction metadata."),
    planned("sourceinfo.struct.maker", Type.CLASS, None, "Class that makes the source block."),
    Property(
        "extended.headers.enabled",
        Type.BOOLEAN,
        "true",
        "Whether each record carries the headers __debezium.context.* that name connector, task and run.",
    ),
    Property(
        "column.propagate.source.type",
        Type.STRING,
        "",
        "Columns, as regular expressions, whose schema tells type, length, scale and name of the column in the database, and its comment where"
        " comments are published, as parameters __debezium.source.column.*. A column that is cut or masked does not tell them.",
        validator=PATTERNS,
    ),
    Property(
        "datatype.propagate.source.type",
        Type.STRING,
        "",
        "The same for columns by their type, as regular expressions over schema.table.type.",
        validator=PATTERNS,
    ),
    Property(
        "schema.name.adjustment.mode",
        Type.STRING,
        "none",
        "How schema names are made fit for Avro: avro puts an underscore for each character that Avro does not allow, avro_unicode its code,"
        " as _u002d, none leaves them.",
        choices=("none", "avro", "avro_unicode"),
    ),
    Property(
        "field.name.adjustment.mode",
        Type.STRING,
        "none",
        "The same for the names of fields, which are those of the columns.",
        choices=("none", "avro", "avro_unicode"),
    ),
    Property(
        "converters",
        Type.LIST,
        "",
        "Names of custom converters, plugins that publish columns in a form of their own, in the order in which they are asked. The class of"
        " each is <name>.type, and what else begins with its name is for it.",
    ),
    Property(
        "post.processors",
        Type.LIST,
        "",
        "Names of post processors: what is done with the events of rows before the transforms. The class of each is post.processors.<name>.type:"
        " io.debezium.processors.reselect.ReselectColumnsPostProcessor, which reads values again that the log left out, or a plugin.",
    ),
    Property(
        "event.processing.failure.handling.mode",
        Type.STRING,
        "fail",
        "What happens with an event that cannot be read. It always stops the connector, so that none is lost.",
        choices=("fail",),
        planned=("warn", "skip", "ignore"),
        reason="Skipping an event loses it.",
    ),
    Property(
        "event.converting.failure.handling.mode",
        Type.STRING,
        "warn",
        "What happens with a value that its column's schema cannot carry: warn puts null in its place and logs it, skip puts null"
        " without a word, fail stops the connector, or gives the row up under errors.tolerance=all.",
        choices=("warn", "fail", "skip"),
    ),
)

TYPES: Final = in_group(
    "Types",
    Property(
        "decimal.handling.mode",
        Type.STRING,
        "precise",
        "How NUMERIC is published: precise keeps every digit as Connect's Decimal, double is a float of 64 bits, string the decimal text.",
        HIGH,
        choices=("precise", "double", "string"),
    ),
    Property(
        "time.precision.mode",
        Type.STRING,
        "adaptive",
        "How dates and times are published: adaptive takes milli- or microseconds by the column's precision, connect Connect's own types"
        " (milliseconds), isostring ISO 8601 text, structured a struct with a number for each part, the others what they say.",
        HIGH,
        choices=(
            "adaptive",
            "adaptive_time_microseconds",
            "connect",
            "microseconds",
            "nanoseconds",
            "isostring",
            "structured",
        ),
    ),
    Property(
        "binary.handling.mode",
        Type.STRING,
        "bytes",
        "How binary columns are published: as bytes, or as text in one of the other forms.",
        choices=("bytes", "base64", "base64-url-safe", "hex"),
    ),
)

TOPICS: Final = in_group(
    "Topics",
    Property(
        "topic.prefix",
        Type.STRING,
        REQUIRED,
        "First part of all topic and schema names, and the identity of the stored offset. Changing it begins anew.",
        HIGH,
        validator=TOPIC_PART,
    ),
    Property(
        "topic.delimiter", Type.STRING, ".", "What stands between the parts of a topic name.", LOW, validator=TOPIC_PART
    ),
    *topics.naming_properties("SchemaTopicNamingStrategy"),
    without_effect(
        "topic.cache.size",
        Type.INT,
        "10000",
        "Number of topic names that Debezium caches.",
        "each table keeps its topic's name",
    ),
    *beside.TOPICS,
    *beside.HEARTBEATS,
)

SNAPSHOT: Final = in_group(
    "Snapshot",
    Property(
        "snapshot.mode",
        Type.STRING,
        "initial",
        "When all rows are published as they are. initial: at the first start, then the changes. initial_only: the same without the changes."
        " always: at each start, though not after an outage. when_needed: at the first start, and when the log behind the stored offset is gone. no_data: never, only the"
        " changes. configuration_based: as snapshot.mode.configuration.based.* says.",
        HIGH,
        choices=("always", "initial_only", "configuration_based", "when_needed", "initial", "no_data"),
        planned=_SNAPSHOT_MODES,
        former={"schema_only": "no_data"},
    ),
    planned("snapshot.mode.custom.name", Type.STRING, "", "Name of a custom snapshot mode."),
    Property(
        f"{_CONFIGURED}.snapshot.data",
        Type.BOOLEAN,
        "false",
        "configuration_based: whether rows are read; as in Debezium, they are at each start then.",
        LOW,
    ),
    without_effect(
        f"{_CONFIGURED}.snapshot.schema",
        Type.BOOLEAN,
        "false",
        "configuration_based: whether schemas are read.",
        "schemas come with the rows and the log",
    ),
    Property(
        f"{_CONFIGURED}.start.stream",
        Type.BOOLEAN,
        "false",
        "configuration_based: whether changes are streamed.",
        LOW,
    ),
    without_effect(
        f"{_CONFIGURED}.snapshot.on.schema.error",
        Type.BOOLEAN,
        "false",
        "configuration_based: whether a missing schema starts a snapshot.",
        "there is no schema that could be missing",
    ),
    Property(
        f"{_CONFIGURED}.snapshot.on.data.error",
        Type.BOOLEAN,
        "false",
        "configuration_based: whether a snapshot is taken when the log behind the stored offset is gone.",
        LOW,
    ),
    Property(
        "snapshot.include.collection.list",
        Type.STRING,
        "",
        "Captured tables whose rows the snapshot reads, as regular expressions over schema.table; all of them if not set.",
        validator=PATTERNS,
    ),
    Property(
        "snapshot.select.statement.overrides",
        Type.LIST,
        "",
        "Tables (schema.table) that the snapshot reads by a SELECT of their own.",
    ),
    Property(
        "snapshot.select.statement.overrides.<table>",
        Type.STRING,
        "",
        "The SELECT for that table. It must give all captured columns and those of the key, by their names; its order is that of the records.",
    ),
    without_effect(
        "snapshot.fetch.size",
        Type.INT,
        "10240",
        "Number of rows that the snapshot fetches at a time.",
        "rows arrive as a stream, by COPY",
        validator=between(0),
    ),
    planned("snapshot.query.mode", Type.STRING, "select_all", "How the rows of a table are queried."),
    planned("snapshot.query.mode.custom.name", Type.STRING, "", "Name of a custom query mode."),
    Property(
        "snapshot.locking.mode",
        Type.STRING,
        "none",
        "Whether the snapshot holds an ACCESS SHARE lock on its tables, by which their definition cannot change meanwhile: none or shared."
        " With several threads it always does.",
        LOW,
        choices=("none", "shared"),
        planned=("custom",),
    ),
    planned("snapshot.locking.mode.custom.name", Type.STRING, "", "Name of a custom locking mode."),
    Property(
        "snapshot.lock.timeout.ms",
        Type.LONG,
        "10000",
        "Longest wait for these locks, in milliseconds; 0 is without end.",
        LOW,
        validator=between(0, unit="milliseconds"),
    ),
    Property(
        "snapshot.max.threads",
        Type.INT,
        "1",
        "Number of connections by which the snapshot reads. Large tables are read by several at once, in ranges of their pages;"
        " all see the same moment.",
        validator=between(1, 64),
    ),
    Property(
        "snapshot.max.threads.multiplier",
        Type.INT,
        "1",
        "Number of ranges of a large table for each of these connections.",
        LOW,
        validator=between(1, 1000),
    ),
    Property(
        "legacy.snapshot.max.threads",
        Type.BOOLEAN,
        "false",
        "Whether each table is read by one connection only, several tables at once.",
        LOW,
    ),
    Property(
        "snapshot.tables.order.by.row.count",
        Type.STRING,
        "disabled",
        "Whether large tables (descending) or small ones (ascending) are read first, by the database's estimate;"
        " disabled is the order of table.include.list.",
        LOW,
        choices=("disabled", "ascending", "descending"),
    ),
    Property(
        "snapshot.delay.ms",
        Type.LONG,
        "0",
        "Pause before the snapshot, in milliseconds.",
        LOW,
        validator=between(0, unit="milliseconds"),
    ),
    Property(
        "streaming.delay.ms",
        Type.LONG,
        "0",
        "Pause between a snapshot and streaming, in milliseconds.",
        LOW,
        validator=between(0, unit="milliseconds"),
    ),
)

SIGNALS: Final = in_group(
    "Signals",
    planned("signal.data.collection", Type.STRING, "", "Table in which signals to the connector are written."),
    planned("signal.enabled.channels", Type.LIST, "source", "Channels on which signals are read."),
    planned("signal.kafka.topic", Type.STRING, "", "Topic of signals."),
    planned("signal.kafka.bootstrap.servers", Type.STRING, "", "Brokers of that topic."),
    without_effect(
        "signal.kafka.groupId", Type.STRING, "kafka-signal", "Consumer group that reads that topic.", NO_SIGNALS
    ),
    without_effect(
        "signal.kafka.poll.timeout.ms", Type.LONG, "0", "Longest wait for a signal, in milliseconds.", NO_SIGNALS
    ),
    without_effect("signal.file", Type.STRING, "file-signals.txt", "File of signals.", NO_SIGNALS),
    without_effect(
        "signal.poll.interval.ms",
        Type.LONG,
        "5000",
        "Interval between looks for signals, in milliseconds.",
        NO_SIGNALS,
        validator=between(1),
    ),
    without_effect(
        "signal.emit.failure.max.retries", Type.INT, "0", "How often a failed signal is tried again.", NO_SIGNALS
    ),
    without_effect(
        "signal.emit.failure.backoff.ms", Type.LONG, "10000", "Pause before that, in milliseconds.", NO_SIGNALS
    ),
    planned("notification.enabled.channels", Type.LIST, "", "Channels on which the connector reports its progress."),
    planned("notification.sink.topic.name", Type.STRING, "", "Topic of notifications."),
    without_effect(
        "read.only", Type.BOOLEAN, "false", "Whether incremental snapshots do without a signal table.", NO_SIGNALS
    ),
    without_effect(
        "incremental.snapshot.chunk.size",
        Type.INT,
        "1024",
        "Rows in a chunk of an incremental snapshot.",
        NO_SIGNALS,
        validator=between(0),
    ),
    without_effect(
        "incremental.snapshot.watermarking.strategy",
        Type.STRING,
        "INSERT_INSERT",
        "How watermarks are written to the signal table.",
        NO_SIGNALS,
        choices=("INSERT_INSERT", "INSERT_DELETE"),
    ),
)

ADVANCED: Final = in_group(
    "Advanced",
    without_effect("max.batch.size", Type.INT, "2048", "Number of events in a batch.", _QUEUE, validator=between(1)),
    Property(
        "max.queue.size.in.bytes",
        Type.LONG,
        "33554432",
        "Bound of what is read from the database and not yet handed to Kafka, in bytes. When it is reached, reading pauses.",
        validator=between(1 << 20, unit="bytes"),
        debezium_default="0",
        why="0 is no bound: a burst of wide rows could exhaust the memory.",
    ),
    without_effect("max.queue.size", Type.INT, "8192", "Number of events in the queue.", _QUEUE, validator=between(1)),
    without_effect("queue.provider.type", Type.STRING, "memory", "Kind of the queue.", _QUEUE),
    without_effect(
        "poll.interval.ms",
        Type.LONG,
        "500",
        "Pause between looks into the queue, in milliseconds.",
        "the queue wakes its reader",
        validator=between(1),
    ),
    without_effect(
        "poll.dispatch.interval.ms",
        Type.LONG,
        None,
        "Interval of dispatching a poll, in milliseconds.",
        "nothing polls",
    ),
    without_effect(
        "query.fetch.size",
        Type.INT,
        "0",
        "Rows that the Java driver fetches at a time.",
        "queries of the catalogue are small",
        validator=between(0),
    ),
    without_effect("custom.metric.tags", Type.STRING, "", "Tags of the JMX metrics.", _JMX, validator=TAGS),
    without_effect("statistics.metrics.enabled", Type.BOOLEAN, "true", "Whether statistics are kept for JMX.", _JMX),
    without_effect(
        "custom.sanitize.pattern",
        Type.STRING,
        None,
        "Names of properties to mask in logs.",
        "passwords and provided secrets always are masked",
    ),
    without_effect(
        "executor.shutdown.timeout.ms",
        Type.LONG,
        "4000",
        "Longest wait for Java threads to end, in milliseconds.",
        "there are no threads",
    ),
    planned("openlineage.integration.enabled", Type.BOOLEAN, "false", "Whether lineage is reported to OpenLineage."),
)

PREFIXES: Final = (
    Prefix("post.processors.", "Properties of the post processors."),
    Prefix("signal.consumer.", "Properties of the consumer of signals."),
    Prefix("openlineage.integration.", "Properties of the OpenLineage reporter."),
)


def queue_beyond_batch(config: Config) -> Iterator[Problem]:
    """Yield a problem where the queue is to hold no more events than a batch; it means nothing here, and Debezium refuses it."""
    queue, batch = config["max.queue.size"], config["max.batch.size"]
    if isinstance(queue, int) and isinstance(batch, int) and 0 < queue <= batch:
        fact = f"max.queue.size = {queue} is not more than max.batch.size = {batch}"
        yield Problem("max.queue.size", fact, "Give a larger one, or remove it.")


FORMER_NAMES: Final = {
    "database.server.name": "topic.prefix",
    "database.whitelist": "database.include.list",
    "table.whitelist": "table.include.list",
    "table.blacklist": "table.exclude.list",
    "schema.whitelist": "schema.include.list",
    "schema.blacklist": "schema.exclude.list",
    "sanitize.field.names": "field.name.adjustment.mode",
    "heartbeat.topics.prefix": "topic.heartbeat.prefix",
    "provide.transaction.metadata.topic": "topic.transaction",
    "confluent.topic.bootstrap.servers": "bootstrap.servers",
}
