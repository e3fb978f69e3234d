"""The properties of the Kafka side: topics, the offset topic, transactions, the client and its security.

Names are those of Kafka's Java clients, and each is accepted with `producer.override.` before it, as Kafka Connect has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from cdc.config.definition import Config, Prefix
from cdc.config.jaas import JAAS, parse_jaas
from cdc.config.property import Importance, Problem, Property, Type, Validator, in_group, planned, without_effect
from cdc.config.validators import PRINTABLE, TOPIC_PART, between, only

HIGH: Final = Importance.HIGH
LOW: Final = Importance.LOW
OVERRIDE: Final = "producer.override."
MEBIBYTE: Final = 1 << 20

_TRANSACTIONS_SAY: Final = "the transactional producer decides it"
_JVM_BUFFER: Final = "records are handed over in finished batches, bounded by max.queue.size.in.bytes"


def _client(*properties: Property) -> tuple[Property, ...]:
    """Return the properties with their names under `producer.override.` accepted too."""
    return tuple(
        replace(each, also=(*each.also, *(OVERRIDE + name for name in (each.name, *each.also)))) for each in properties
    )


def _servers_fault(servers: tuple[str, ...]) -> str:
    for server in servers:
        found = re.fullmatch(r"(?:[A-Za-z]+://)?(?:\[[0-9A-Fa-f:.%]+\]|[^\s:/\[\]]+):([0-9]{1,5})", server)
        if found is None or not 0 < int(found[1]) < 65536:
            return f"holds {server!r}, which is not host:port"
    return ""


def _pem_fault(path: str) -> str:
    return (
        "is a Java keystore, and only PEM is read"
        if re.search(r"\.(jks|p12|pfx|pkcs12|keystore|truststore|bcfks)$", path, re.IGNORECASE)
        else ""
    )


def _store_fault(kind: str) -> str:
    return "" if kind.upper() in {"", "PEM"} else "is a kind of Java keystore, and only PEM is read"


_CONVERT: Final = (
    "PEM; convert with: keytool -importkeystore -srckeystore store.jks -destkeystore store.p12 -deststoretype PKCS12,"
    " then: openssl pkcs12 -in store.p12 -out store.pem -nodes"
)
_PEM: Final = Validator(f"a file in {_CONVERT}", _pem_fault)
_STORE: Final = Validator(_CONVERT, _store_fault)
_SERVERS: Final = Validator("brokers as host:port, separated by commas", _servers_fault)
_COUNT: Final = Validator(
    "-1 for the broker's default, or 1 and more", lambda n: "" if n == -1 or n >= 1 else "is out of range"
)

TOPIC_CREATION: Final = in_group(
    "Topic Creation",
    Property(
        "topic.creation.enable",
        Type.BOOLEAN,
        "true",
        "Whether missing topics are created before the first record.",
        LOW,
    ),
    Property(
        "topic.creation.default.partitions",
        Type.INT,
        "-1",
        "Partitions of a topic that is created; -1 is the broker's default. Order holds within a key, hence within a partition.",
        validator=_COUNT,
    ),
    Property(
        "topic.creation.default.replication.factor",
        Type.INT,
        "-1",
        "Replicas of a topic that is created; -1 is the broker's default.",
        validator=_COUNT,
    ),
    planned("topic.creation.groups", Type.LIST, "", "Names of groups of topics with settings of their own."),
)

OFFSETS: Final = in_group(
    "Offsets",
    Property(
        "offset.storage.topic",
        Type.STRING,
        "cdc-stream-offsets",
        "Compacted topic that holds the log position, written in the same transaction as the records. It is created when absent.",
        HIGH,
        validator=TOPIC_PART,
        also=("offsets.storage.topic",),
    ),
    Property(
        "offset.storage.partitions",
        Type.INT,
        "1",
        "Partitions of that topic when it is created.",
        LOW,
        validator=_COUNT,
    ),
    Property(
        "offset.storage.replication.factor",
        Type.INT,
        "-1",
        "Replicas of that topic when it is created; -1 is the broker's default.",
        validator=_COUNT,
    ),
)

TRANSACTIONS: Final = in_group(
    "Transactions",
    Property(
        "transaction.max.rows",
        Type.INT,
        "50000",
        "Number of events after which a Kafka transaction ends with the source transaction that it is in.",
        validator=between(1),
    ),
    Property(
        "transaction.max.bytes",
        Type.LONG,
        str(16 * MEBIBYTE),
        "Bytes of records after which a Kafka transaction ends likewise.",
        validator=between(1, unit="bytes"),
    ),
    Property(
        "transaction.max.ms",
        Type.LONG,
        "500",
        "Time after which a Kafka transaction ends likewise, in milliseconds. It ends at once when nothing more waits to be read.",
        validator=between(1, unit="milliseconds"),
    ),
    *_client(
        Property(
            "transaction.timeout.ms",
            Type.INT,
            "60000",
            "Time after which the broker aborts a transaction that its producer left open, in milliseconds; at most the broker's"
            " transaction.max.timeout.ms. A source transaction that takes more than half of it to publish is split into parts.",
            validator=between(1000, unit="milliseconds"),
        )
    ),
)

CLIENT: Final = in_group(
    "Kafka",
    *_client(
        Property("bootstrap.servers", Type.LIST, "localhost:9092", "Brokers to begin with.", HIGH, validator=_SERVERS),
        Property(
            "client.id",
            Type.STRING,
            "",
            "Name of the client in the broker's logs; by default cdcstream-<name>.",
            LOW,
            validator=PRINTABLE,
        ),
        Property(
            "compression.type",
            Type.STRING,
            "zstd",
            "How batches are compressed.",
            choices=("zstd", "lz4", "snappy", "gzip", "none"),
            debezium_default="none",
            why="It halves and more what is sent and stored, and costs less processor time than sending the difference.",
        ),
        Property(
            "max.request.size",
            Type.INT,
            str(16 * MEBIBYTE),
            "Largest record that is sent, in bytes; the broker's message.max.bytes and the topic's max.message.bytes bound it too.",
            validator=between(1024, unit="bytes"),
            debezium_default=str(MEBIBYTE),
            why="One row with a large text or document exceeds 1 MiB, and would stop the stream before the broker was asked.",
        ),
        Property(
            "batch.size",
            Type.INT,
            "524288",
            "Bytes of a full batch of one partition, before compression.",
            LOW,
            validator=between(1024, unit="bytes"),
            debezium_default="16384",
            why="Fewer and larger batches compress better, and cost the broker less.",
        ),
        Property(
            "request.timeout.ms",
            Type.INT,
            "30000",
            "Longest wait for the answer to one request, in milliseconds.",
            LOW,
            validator=between(1, unit="milliseconds"),
        ),
        Property(
            "metadata.max.age.ms",
            Type.LONG,
            "300000",
            "Age at which what is known of topics and leaders is asked anew, in milliseconds.",
            LOW,
            validator=between(1, unit="milliseconds"),
        ),
        Property(
            "acks",
            Type.STRING,
            "all",
            "How many replicas must have a record: all in sync, as transactions demand.",
            LOW,
            choices=("all", "-1"),
        ),
        Property("enable.idempotence", Type.BOOLEAN, "true", "Transactions demand it.", LOW, choices=("true",)),
        planned(
            "partitioner.class",
            Type.CLASS,
            "",
            "What chooses the partition: murmur2 of the key, as in Java, if it is not set.",
        ),
        planned(
            "interceptor.classes",
            Type.LIST,
            "",
            "Java classes that see records before they are sent.",
            reason="They name Java classes.",
        ),
        without_effect(
            "linger.ms",
            Type.LONG,
            "5",
            "Wait for a batch to fill, in milliseconds.",
            "batches end with their transaction",
        ),
        without_effect("buffer.memory", Type.LONG, "33554432", "Bytes of waiting records.", _JVM_BUFFER),
        without_effect(
            "max.block.ms", Type.LONG, "60000", "Longest wait for that buffer, in milliseconds.", _JVM_BUFFER
        ),
        without_effect("retries", Type.INT, "2147483647", "How often a request is sent again.", _TRANSACTIONS_SAY),
        without_effect(
            "delivery.timeout.ms",
            Type.INT,
            "120000",
            "Longest time to deliver a record, in milliseconds.",
            _TRANSACTIONS_SAY,
        ),
        without_effect(
            "max.in.flight.requests.per.connection", Type.INT, "5", "Unanswered requests at a time.", _TRANSACTIONS_SAY
        ),
    ),
)

SECURITY: Final = in_group(
    "Kafka security",
    *_client(
        Property(
            "security.protocol",
            Type.STRING,
            "PLAINTEXT",
            "Whether the connection to the brokers is encrypted (SSL) and begins with a login (SASL).",
            choices=("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
        ),
        Property(
            "sasl.mechanism",
            Type.STRING,
            None,
            "How the login proves the password. PLAIN sends it, so it needs SASL_SSL.",
            choices=("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"),
            planned=("gssapi", "oauthbearer"),
            debezium_default="GSSAPI",
            why="Kerberos is not supported, so the mechanism must be named.",
        ),
        Property("sasl.username", Type.STRING, None, "User name of the login.", validator=PRINTABLE),
        Property("sasl.password", Type.PASSWORD, None, "Password of the login."),
        Property(
            "sasl.jaas.config",
            Type.PASSWORD,
            None,
            "User name and password as Java clients take them: a line of PlainLoginModule or ScramLoginModule. Other modules are refused.",
            validator=JAAS,
        ),
        Property(
            "ssl.truststore.location",
            Type.STRING,
            None,
            "PEM file with the certificates that sign the brokers'; without it, those of the operating system are trusted.",
            validator=_PEM,
            also=("ssl.ca.location",),
        ),
        Property("ssl.truststore.certificates", Type.STRING, None, "The same certificates, as text.", LOW),
        Property(
            "ssl.truststore.type",
            Type.STRING,
            "PEM",
            "Form of the trust store.",
            LOW,
            validator=_STORE,
            debezium_default="JKS",
            why="Java's keystores are not read; the property may be left out.",
        ),
        planned(
            "ssl.truststore.password", Type.PASSWORD, None, "Password of a trust store.", reason="A PEM file has none."
        ),
        Property(
            "ssl.keystore.location",
            Type.STRING,
            None,
            "PEM file with the client's certificate and, unless ssl.key.location is set, its key.",
            validator=_PEM,
            also=("ssl.certificate.location",),
        ),
        Property("ssl.key.location", Type.STRING, None, "PEM file with the client's key.", validator=_PEM),
        Property("ssl.key.password", Type.PASSWORD, None, "Password of that key."),
        Property("ssl.keystore.certificate.chain", Type.STRING, None, "The client's certificate, as text.", LOW),
        Property("ssl.keystore.key", Type.PASSWORD, None, "The client's key, as text.", LOW),
        Property(
            "ssl.keystore.type",
            Type.STRING,
            "PEM",
            "Form of the key store.",
            LOW,
            validator=_STORE,
            debezium_default="JKS",
            why="Java's keystores are not read; the property may be left out.",
        ),
        planned(
            "ssl.keystore.password",
            Type.PASSWORD,
            None,
            "Password of a key store.",
            reason="Use ssl.key.password for a PEM key.",
        ),
        Property(
            "ssl.endpoint.identification.algorithm",
            Type.STRING,
            "https",
            "Whether the broker's certificate must name the host that was connected to: https, or nothing to switch that off.",
            validator=only(
                lambda word: "" if word in {"", "https"} else "is not one of its values", "https or nothing"
            ),
        ),
    ),
)

PREFIXES: Final = (
    Prefix("topic.creation.default.", "Settings of topics that are created, by Kafka's names, such as cleanup.policy."),
    Prefix("topic.creation.", "Settings of the groups of topics."),
)


def login_is_complete(config: Config) -> Iterable[Problem]:
    """Yield what a SASL connection lacks, or has in vain."""
    if not config.string("security.protocol").startswith("SASL"):
        return
    if not config.is_set("sasl.mechanism"):
        yield Problem(
            "sasl.mechanism",
            "sasl.mechanism is not set, and security.protocol asks for a login",
            "Give PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.",
        )
    if config.is_set("sasl.jaas.config"):
        yield from _jaas_agrees(config)
    elif not (config.is_set("sasl.username") and config.is_set("sasl.password")):
        yield Problem(
            "sasl.username",
            "security.protocol asks for a login, and none is given",
            "Set sasl.username and sasl.password, or sasl.jaas.config.",
        )


def _jaas_agrees(config: Config) -> Iterable[Problem]:
    if config["sasl.jaas.config"] is None:
        return
    mechanism, family = config.string("sasl.mechanism"), parse_jaas(config.password("sasl.jaas.config").reveal()).family
    if config.is_set("sasl.username") or config.is_set("sasl.password"):
        yield Problem(
            "sasl.jaas.config", "sasl.jaas.config and sasl.username or sasl.password are both set", "Keep one of them."
        )
    if mechanism and not mechanism.startswith(family):
        fact = f"sasl.jaas.config names the login module of {family}, and sasl.mechanism is {mechanism}"
        yield Problem("sasl.jaas.config", fact, "Make the two agree.")


def one_source_of_certificates(config: Config) -> Iterable[Problem]:
    """Yield a problem where certificates are given both as a file and as text, or by halves."""
    pairs = (
        ("ssl.truststore.location", "ssl.truststore.certificates"),
        ("ssl.keystore.location", "ssl.keystore.certificate.chain"),
    )
    for file, text in pairs:
        if config.is_set(file) and config.is_set(text):
            yield Problem(file, f"{file} and {text} are both set", "Keep one of them.")
    if config.is_set("ssl.keystore.certificate.chain") != config.is_set("ssl.keystore.key"):
        yield Problem(
            "ssl.keystore.key", "Only one of ssl.keystore.certificate.chain and ssl.keystore.key is set", "Set both."
        )


RULES: Final = (login_is_complete, one_source_of_certificates)
