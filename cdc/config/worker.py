"""The properties of a worker: Kafka Connect's `connect-standalone.properties` and `connect-distributed.properties`.

What a worker says of Kafka (addresses, TLS, login) holds for its own clients and for those of its connectors, so that it is written once;
Kafka Connect wants it again under `producer.`, `consumer.` and `admin.`, which is accepted, and counts for that client alone.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from cdc.config import kafka
from cdc.config.definition import Config, Definition, InvalidConfig, Prefix, Rule
from cdc.config.property import (
    Importance,
    Problem,
    Property,
    Status,
    Type,
    Validator,
    in_group,
    nearest,
    planned,
    split_list,
    without_effect,
)
from cdc.config.providers import PROVIDERS, Provider, directory, environment, properties_file, resolve
from cdc.config.regex import RegexError, compile_java
from cdc.config.secret import Secret
from cdc.config.settings import KafkaSettings
from cdc.config.validators import PRINTABLE, TOPIC_PART, between
from cdc.errors import ConfigError

HIGH: Final = Importance.HIGH
LOW: Final = Importance.LOW

JSON_CONVERTER: Final = "org.apache.kafka.connect.json.JsonConverter"
HEADER_CONVERTER: Final = "org.apache.kafka.connect.storage.SimpleHeaderConverter"
CLIENTS: Final = ("producer", "consumer", "admin")
"""The Kafka clients whose properties can be given under a prefix."""

_OFFSETS_IN_KAFKA: Final = "offsets are stored in Kafka, in the transaction of the records that they cover"
_JAVA: Final = "it names Java classes"
_JMX: Final = "figures are served at /metrics"
_COOPERATIVE: Final = "workers always rebalance incrementally"
_MILLISECONDS: Final = between(1, unit="milliseconds")
_COUNT: Final = Validator(
    "-1 for the broker's default, or 1 and more", lambda n: "" if n == -1 or n >= 1 else "is out of range"
)


def _plain(properties: Iterable[Property]) -> dict[str, Property]:
    """Return properties of the Kafka client by name, without the names that they have in a connector's configuration."""
    return {
        each.name: replace(each, also=tuple(name for name in each.also if not name.startswith(kafka.OVERRIDE)))
        for each in properties
    }


_SECURITY: Final = _plain(kafka.SECURITY)
_CLIENT: Final = _plain(kafka.CLIENT)
CONNECTION: Final[Mapping[str, Property]] = {
    **{name: _CLIENT[name] for name in ("bootstrap.servers", "client.id", "request.timeout.ms", "metadata.max.age.ms")},
    **_SECURITY,
}
"""What every Kafka client takes, by name."""

PRODUCER: Final[Mapping[str, Property]] = {
    **CONNECTION,
    **_CLIENT,
    **_plain(each for each in kafka.TRANSACTIONS if each.name == "transaction.timeout.ms"),
}
"""What a producer takes, by name."""


def _number(name: str, default: str, doc: str, low: int = 1) -> Property:
    return Property(name, Type.INT, default, doc, LOW, validator=between(low))


CONSUMER: Final[Mapping[str, Property]] = {
    **CONNECTION,
    **{
        each.name: each
        for each in (
            Property(
                "group.id", Type.STRING, None, "The consumer group; by default connect-<name>.", validator=PRINTABLE
            ),
            Property(
                "auto.offset.reset",
                Type.STRING,
                "earliest",
                "Where reading begins in a partition without a committed offset.",
                choices=("earliest", "latest", "none"),
            ),
            Property(
                "isolation.level",
                Type.STRING,
                "read_committed",
                "Whether records of transactions that were aborted or are still open are left out.",
                LOW,
                choices=("read_committed", "read_uncommitted"),
                debezium_default="read_uncommitted",
                why="What was rolled back must not reach a sink.",
            ),
            _number("max.poll.records", "500", "Largest number of records that a task is given at a time."),
            _number("max.poll.interval.ms", "300000", "Longest time that a task may take for them, in milliseconds."),
            _number(
                "session.timeout.ms",
                "45000",
                "Time after which a silent consumer has lost its partitions, in milliseconds.",
            ),
            _number("heartbeat.interval.ms", "3000", "Pause between signs of life, in milliseconds."),
            _number("fetch.min.bytes", "1", "Bytes that the broker waits for before it answers."),
            _number("fetch.max.bytes", "52428800", "Largest answer of a broker, in bytes."),
            _number("fetch.max.wait.ms", "500", "Longest wait of the broker for fetch.min.bytes, in milliseconds.", 0),
            _number(
                "max.partition.fetch.bytes", "1048576", "Largest part of an answer that one partition has, in bytes."
            ),
        )
    },
}
"""What the consumer of a sink takes, by name."""

ADMIN: Final[Mapping[str, Property]] = CONNECTION
"""What an admin client takes, by name."""

TABLES: Final[Mapping[str, Mapping[str, Property]]] = {"producer": PRODUCER, "consumer": CONSUMER, "admin": ADMIN}


def _provider_file(limits: _Limits) -> Provider:
    def read(path: str, key: str) -> str:
        limits.check_path(path)
        return properties_file(path, key)

    return read


def _provider_directory(limits: _Limits) -> Provider:
    def read(path: str, key: str) -> str:
        limits.check_path(os.path.join(path, key))  # noqa: PTH118 (what is joined is only compared here)
        return directory(path, key)

    return read


def _provider_environment(limits: _Limits) -> Provider:
    def read(path: str, key: str) -> str:
        limits.check_name(key)
        return environment(path, key)

    return read


@dataclass(frozen=True, slots=True)
class _Limits:
    """What a provider may bring: files beneath `paths` (None: all), variables that `names` matches as a whole (None: all)."""

    paths: tuple[Path, ...] | None = None
    names: re.Pattern[str] | None = None

    def check_path(self, path: str) -> None:
        """Raise ConfigError for a file that is outside, symbolic links followed."""
        if (
            path
            and self.paths is not None
            and not any(Path(path).resolve().is_relative_to(each) for each in self.paths)
        ):
            raise ConfigError(f"{path} is outside allowed.paths of the provider", "Name a file beneath them.")

    def check_name(self, name: str) -> None:
        """Raise ConfigError for a variable that is not on the list."""
        if self.names is not None and not self.names.fullmatch(name):
            raise ConfigError(f"{name} does not match allowlist.pattern of the provider", "Name a variable that does.")


_PROVIDERS: Final = {
    "org.apache.kafka.common.config.provider.FileConfigProvider": (_provider_file, "allowed.paths"),
    "org.apache.kafka.common.config.provider.DirectoryConfigProvider": (_provider_directory, "allowed.paths"),
    "org.apache.kafka.common.config.provider.EnvVarConfigProvider": (_provider_environment, "allowlist.pattern"),
}


def build_providers(raw: Mapping[str, str]) -> tuple[Mapping[str, Provider], tuple[Problem, ...]]:
    """Return the providers that `config.providers` names, by name, and everything that is wrong with their properties."""
    providers: dict[str, Provider] = {}
    problems: list[Problem] = []
    names = split_list(raw.get("config.providers", ""))
    for name in names:
        try:
            providers[name] = _provider(name, raw)
        except InvalidConfig as error:
            problems += error.problems
    stray = re.compile(rf"config\.providers\.(?!(?:{'|'.join(map(re.escape, names)) or '(?!)'})\.).*")
    problems += [_stray_provider(name) for name in raw if stray.fullmatch(name)]
    return providers, tuple(problems)


def _stray_provider(name: str) -> Problem:
    return Problem(name, f"{name} belongs to no provider in config.providers", "Add its name there, or remove it.")


def _provider(name: str, raw: Mapping[str, str]) -> Provider:
    """Return one provider; raises InvalidConfig."""
    prefix = f"config.providers.{name}."
    given = raw.get(f"{prefix}class", "").strip()
    known = {word.lower(): full for full in _PROVIDERS for word in (full, full.rpartition(".")[2])}
    full = known.get(given.lower())
    if full is None:
        near = nearest(given.lower(), list(known))
        fact = f"{prefix}class = {given!r} is not a known class" if given else f"{prefix}class is not set"
        remedy = f"Did you mean {known[near]}?" if near else f"Give one of {', '.join(_PROVIDERS)}."
        raise InvalidConfig([Problem(f"{prefix}class", fact, remedy)])
    make, limit = _PROVIDERS[full]
    names = (f"{prefix}class", f"{prefix}param.{limit}")
    unknown = [each for each in raw if each.startswith(prefix) and each not in names]
    if unknown:
        raise InvalidConfig(
            [Problem(each, f"{each} is not a known property", f"It takes {names[1]}.") for each in unknown]
        )
    return make(_limits(names[1], raw.get(names[1], "")))


def _limits(name: str, text: str) -> _Limits:
    if not text.strip():
        return _Limits()
    if name.endswith("allowed.paths"):
        relative = [path for path in split_list(text) if not Path(path).is_absolute()]
        if relative:
            raise InvalidConfig(
                [Problem(name, f"{name} has the relative path {relative[0]!r}", "Give absolute paths.")]
            )
        return _Limits(paths=tuple(Path(path).resolve() for path in split_list(text)))
    try:
        # Filters take no account of case, and names of variables do.
        return _Limits(names=re.compile(compile_java(text).pattern, re.ASCII))
    except RegexError as error:
        fact = f"{name} = {text!r} is not a regular expression: {error}"
        raise InvalidConfig([Problem(name, fact, "Correct it.")]) from error


def _listener(text: str) -> re.Match[str] | None:
    found = re.fullmatch(r"(https?)://(\[[0-9A-Fa-f:.%]+\]|[^\s:/\[\]]*):([0-9]{1,5})/?", text, re.IGNORECASE)
    return found if found and int(found[3]) < 65536 else None


def _listeners_fault(listeners: tuple[str, ...]) -> str:
    wrong = next((each for each in listeners if _listener(each) is None), "")
    if wrong:
        return f"holds {wrong!r}, which is not http://host:port or https://host:port"
    return "" if listeners else "is empty"


def _basic_fault(login: Secret) -> str:
    user, colon, password = login.reveal().partition(":")
    return "" if not login or (user and colon and password) else "is not user:password"


def _storage(what: str, holds: str, partitions: str) -> tuple[Property, ...]:
    """Return the properties of one of the topics in which a cluster of workers keeps what it knows."""
    return (
        Property(
            f"{what}.storage.topic",
            Type.STRING,
            None,
            f"Compacted topic that holds {holds}.",
            HIGH,
            validator=TOPIC_PART,
        ),
        Property(
            f"{what}.storage.partitions",
            Type.INT,
            partitions,
            "Partitions of that topic when it is created.",
            LOW,
            validator=_COUNT,
        ),
        Property(
            f"{what}.storage.replication.factor",
            Type.INT,
            "-1",
            "Replicas of that topic when it is created; -1 is the broker's default.",
            LOW,
            validator=_COUNT,
            debezium_default="3",
            why="A cluster with fewer brokers can create no topic with three replicas.",
        ),
    )


_OFFSET_ROWS: Final = tuple(replace(each, also=(), group="") for each in kafka.OFFSETS)

CLUSTER: Final = in_group(
    "Cluster",
    Property(
        "group.id",
        Type.STRING,
        None,
        "Name of the cluster: workers with one name share connectors.",
        HIGH,
        validator=PRINTABLE,
    ),
    *(each for each in _storage("config", "the configurations of connectors", "1") if "partitions" not in each.name),
    *_OFFSET_ROWS,
    *_storage("status", "the states of connectors and tasks", "5"),
    without_effect(
        "config.storage.partitions", Type.INT, "1", "Partitions of the topic of configurations.", "it must have one"
    ),
    Property(
        "exactly.once.source.support",
        Type.STRING,
        "enabled",
        "Delivery by source connectors is exactly once whatever stands here.",
        LOW,
        choices=("enabled", "preparing", "disabled"),
        debezium_default="disabled",
        why="There is no other way here: records and offsets are in one transaction.",
    ),
    _number(
        "session.timeout.ms", "10000", "Time after which the tasks of a silent worker run elsewhere, in milliseconds."
    ),
    _number("heartbeat.interval.ms", "3000", "Pause between a worker's signs of life, in milliseconds."),
    _number(
        "rebalance.timeout.ms", "60000", "Longest time that a worker may take to join a rebalance, in milliseconds."
    ),
    Property(
        "scheduled.rebalance.max.delay.ms",
        Type.INT,
        "0",
        "How long the tasks of a worker that has left wait for its return, in milliseconds.",
        LOW,
        validator=between(0, unit="milliseconds"),
        debezium_default="300000",
        why="A stream should not stand still for five minutes because a machine was lost.",
    ),
    without_effect(
        "connect.protocol", Type.STRING, "sessioned", "Version of the protocol between workers.", _COOPERATIVE
    ),
    without_effect(
        "worker.sync.timeout.ms", Type.INT, "3000", "Longest wait to read all configurations.", _COOPERATIVE
    ),
    without_effect("worker.unsync.backoff.ms", Type.INT, "300000", "Pause of a worker that could not.", _COOPERATIVE),
)

PLUGINS: Final = in_group(
    "Plugins",
    Property(
        "plugin.path",
        Type.LIST,
        "",
        "Folders and wheels with plugins, by absolute paths. What is installed beside cdc-stream is found too.",
    ),
    Property(
        "key.converter",
        Type.CLASS,
        JSON_CONVERTER,
        "What writes and reads record keys, unless a connector says otherwise.",
    ),
    Property(
        "value.converter",
        Type.CLASS,
        JSON_CONVERTER,
        "What writes and reads record values, unless a connector says otherwise.",
    ),
    Property(
        "header.converter",
        Type.CLASS,
        HEADER_CONVERTER,
        "What writes and reads record headers, unless a connector says otherwise.",
        LOW,
    ),
    Property(
        "config.providers",
        Type.LIST,
        "",
        "Names of the providers that connectors may fetch values from by ${name:path:key}; each is set up by config.providers.<name>.class.",
        LOW,
    ),
    Property(
        "connector.client.config.override.policy",
        Type.STRING,
        "All",
        "Which properties of the Kafka client connectors may change: all that are harmless, none, or those of the login (Principal).",
        LOW,
        choices=("All", "None", "Principal"),
        planned=("allowlist",),
        former={
            f"org.apache.kafka.connect.connector.policy.{word}connectorclientconfigoverridepolicy": word
            for word in ("all", "none", "principal", "allowlist")
        }
        | {f"{word}connectorclientconfigoverridepolicy": word for word in ("all", "none", "principal", "allowlist")},
    ),
    without_effect(
        "plugin.discovery",
        Type.STRING,
        "hybrid_warn",
        "How Java finds plugins.",
        "there is one way: entry points and plugin.path",
    ),
    without_effect(
        "plugin.version",
        Type.STRING,
        None,
        "Version of plugins.",
        "there is one version of every plugin: the installed one",
    ),
    without_effect(
        "internal.key.converter", Type.CLASS, JSON_CONVERTER, "Format of what the worker stores.", "it is JSON"
    ),
    without_effect(
        "internal.value.converter", Type.CLASS, JSON_CONVERTER, "Format of what the worker stores.", "it is JSON"
    ),
)

TASKS: Final = in_group(
    "Tasks",
    Property(
        "offset.flush.interval.ms",
        Type.LONG,
        "60000",
        "Time between commits of a sink's offsets, in milliseconds. Those of a source are in the transactions of its records.",
        LOW,
        validator=_MILLISECONDS,
    ),
    without_effect(
        "offset.flush.timeout.ms", Type.LONG, "5000", "Longest wait for offsets to be stored.", _OFFSETS_IN_KAFKA
    ),
    without_effect(
        "offset.storage.file.filename", Type.STRING, "", "File of a standalone worker's offsets.", _OFFSETS_IN_KAFKA
    ),
    Property(
        "task.shutdown.graceful.timeout.ms",
        Type.LONG,
        "5000",
        "Longest wait for the tasks to end before they are broken off, in milliseconds.",
        LOW,
        validator=_MILLISECONDS,
    ),
    Property(
        "topic.tracking.enable", Type.BOOLEAN, "true", "Whether the topics that connectors use are kept in mind.", LOW
    ),
    Property("topic.tracking.allow.reset", Type.BOOLEAN, "true", "Whether they may be forgotten on request.", LOW),
    Property("topic.creation.enable", Type.BOOLEAN, "true", "Whether sources create missing topics.", LOW),
)

REST: Final = in_group(
    "REST",
    Property(
        "listeners",
        Type.LIST,
        "http://127.0.0.1:8083",
        "Addresses of the REST API: http://host:port or https://host:port, separated by commas. Port 0 is any free one.",
        validator=Validator("addresses like http://127.0.0.1:8083, separated by commas", _listeners_fault),
        debezium_default="http://:8083",
        why="Whoever reaches the API can read every database that its connectors can.",
    ),
    Property(
        "rest.advertised.host.name",
        Type.STRING,
        None,
        "Host under which other workers reach this one.",
        LOW,
        validator=PRINTABLE,
    ),
    Property(
        "rest.advertised.port",
        Type.INT,
        None,
        "Port under which other workers reach this one.",
        LOW,
        validator=between(1, 65535),
    ),
    Property(
        "rest.advertised.listener",
        Type.STRING,
        None,
        "Whether other workers use http or https.",
        LOW,
        choices=("http", "https"),
    ),
    Property(
        "rest.token", Type.PASSWORD, None, "What a request must give in the header Authorization: Bearer <token>."
    ),
    Property(
        "rest.basic.auth",
        Type.PASSWORD,
        None,
        "User and password that a request may give instead, as user:password.",
        validator=Validator("user:password", _basic_fault),
    ),
    planned("access.control.allow.origin", Type.STRING, "", "Origins of web pages that may use the API."),
    planned("access.control.allow.methods", Type.STRING, "", "Methods that those may use."),
    planned("response.http.headers.config", Type.STRING, "", "Headers that are added to every answer."),
    planned("admin.listeners", Type.LIST, None, "Addresses of the paths under /admin, if they are others."),
    without_effect(
        "rest.extension.classes",
        Type.LIST,
        "",
        "Java classes that extend the API.",
        f"{_JAVA}; rest.token and rest.basic.auth guard the API",
    ),
    *(
        without_effect(
            f"inter.worker.{name}",
            kind,
            default,
            "How Java workers sign their requests.",
            "the login of the API guards them",
        )
        for name, kind, default in (
            ("key.generation.algorithm", Type.STRING, "HmacSHA256"),
            ("key.size", Type.INT, None),
            ("key.ttl.ms", Type.INT, "3600000"),
            ("signature.algorithm", Type.STRING, "HmacSHA256"),
            ("verification.algorithms", Type.LIST, "HmacSHA256"),
        )
    ),
)

_HTTPS: Final = "listeners.https."

TLS: Final = in_group(
    "REST security",
    Property(
        f"{_HTTPS}ssl.keystore.location",
        Type.STRING,
        None,
        "PEM file with the certificate of the API and, unless listeners.https.ssl.key.location is set, its key.",
        validator=_SECURITY["ssl.keystore.location"].validator,
        also=(f"{_HTTPS}ssl.certificate.location",),
    ),
    Property(
        f"{_HTTPS}ssl.key.location",
        Type.STRING,
        None,
        "PEM file with that key.",
        validator=_SECURITY["ssl.key.location"].validator,
    ),
    Property(f"{_HTTPS}ssl.key.password", Type.PASSWORD, None, "Password of that key."),
    Property(
        f"{_HTTPS}ssl.truststore.location",
        Type.STRING,
        None,
        "PEM file with the certificates that sign those of clients.",
        validator=_SECURITY["ssl.truststore.location"].validator,
        also=(f"{_HTTPS}ssl.ca.location",),
    ),
    Property(
        f"{_HTTPS}ssl.client.auth",
        Type.STRING,
        "none",
        "Whether clients must show a certificate.",
        choices=("none", "requested", "required"),
    ),
    *(
        replace(_SECURITY[f"ssl.{store}.type"], name=f"{_HTTPS}ssl.{store}.type", also=(), doc="Form of that file.")
        for store in ("keystore", "truststore")
    ),
)

METRICS: Final = in_group(
    "Metrics",
    without_effect("metric.reporters", Type.LIST, "", "Java classes that report figures.", f"{_JAVA}; {_JMX}"),
    without_effect("auto.include.jmx.reporter", Type.BOOLEAN, "true", "Whether figures are reported by JMX.", _JMX),
    without_effect("metrics.num.samples", Type.INT, "2", "Samples that a figure is made from.", _JMX),
    without_effect("metrics.recording.level", Type.STRING, "INFO", "How many figures there are.", _JMX),
    without_effect("metrics.sample.window.ms", Type.LONG, "30000", "Time that a sample covers, in milliseconds.", _JMX),
)


def client_properties(config: Config) -> Iterator[Problem]:
    """Yield what is wrong with the properties under `producer.`, `consumer.` and `admin.`."""
    for client in CLIENTS:
        for name, text in config.beneath(f"{client}.").items():
            yield from check_client(f"{client}.{name}", name, text, TABLES[client])


def find_row(table: Mapping[str, Property], name: str) -> Property | None:
    """Return the row of a client's property, by any of its names."""
    return table.get(name) or next((each for each in table.values() if name in each.also), None)


def check_client(label: str, name: str, text: str, table: Mapping[str, Property]) -> Iterator[Problem]:
    """Yield what is wrong with a property of a Kafka client; `label` is the name that it was given by."""
    row = find_row(table, name)
    if row is None:
        near = nearest(name, list(table))
        remedy = f"Did you mean {label.removesuffix(name)}{near}?" if near else "Remove it."
        yield Problem(label, f"{label} is not a known property", remedy)
        return
    fault = "" if row.status is Status.WITHOUT_EFFECT else _fault(row, text)
    if fault:
        remedy = "Remove it." if row.status is Status.PLANNED else row.hint(text)
        yield Problem(label, f"{label} = {row.show(text)} {fault}", remedy)


def _fault(row: Property, text: str) -> str:
    try:
        value = row.read(text)
    except ValueError as error:
        return str(error)
    return "is not supported yet" if row.status is Status.PLANNED and value != row.default_value() else ""


def guarded(config: Config) -> Iterator[Problem]:
    """Yield a problem for each address beyond this machine that neither TLS nor a login guards, and for TLS without a certificate."""
    login = config.is_set("rest.token") or config.is_set("rest.basic.auth")
    for listener in map(Listener.parse, config.list("listeners")):
        if listener.scheme == "http" and not login and not listener.is_loopback:
            yield Problem(
                "listeners",
                f"The REST API would listen at {listener}, open to everybody who can reach this machine",
                "Set rest.token or rest.basic.auth, or listen at https:// with listeners.https.ssl.keystore.location,"
                " or at http://127.0.0.1.",
            )
        if listener.scheme == "https" and not config.is_set(f"{_HTTPS}ssl.keystore.location"):
            fact = f"The REST API is to listen at {listener}, and has no certificate"
            yield Problem(
                "listeners", fact, f"Set {_HTTPS}ssl.keystore.location to a PEM file with certificate and key."
            )


def in_a_cluster(config: Config) -> Iterator[Problem]:
    """Yield what a distributed worker lacks."""
    for name in ("group.id", "config.storage.topic", "offset.storage.topic", "status.storage.topic"):
        if not config.is_set(name):
            row = WORKER.find(name)
            yield Problem(name, f"{name} is not set", f"Set it: {row.doc if row else ''}")


_RULES: Final[tuple[Rule, ...]] = (
    kafka.login_is_complete,
    kafka.one_source_of_certificates,
    client_properties,
    guarded,
)

WORKER: Final = Definition(
    (
        *in_group("Kafka", *(each for name, each in CONNECTION.items() if name not in _SECURITY)),
        *CLUSTER,
        *PLUGINS,
        *TASKS,
        *REST,
        *TLS,
        *METRICS,
        *_SECURITY.values(),
    ),
    prefixes=(
        *(Prefix(f"{client}.", f"Properties of the {client}s of connectors.") for client in CLIENTS),
        *(Prefix(f"{side}.converter.", f"Properties of the {side} converter.") for side in ("key", "value", "header")),
        Prefix("config.providers.", "Properties of the providers."),
    ),
    rules=_RULES,
)
"""All properties of a worker."""


@dataclass(frozen=True, slots=True)
class Listener:
    """An address of the REST API; an empty host is every address of the machine, and port 0 any free port."""

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Listener:
        """Return the address that a text which was checked stands for."""
        found = _listener(text)
        if found is None:
            raise ValueError(f"{text!r} is no listener")
        return cls(found[1].lower(), found[2].strip("[]"), int(found[3]))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host.lower() == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class RestSettings:
    """The REST API. Files are paths of PEM files, "" where there is none; `client_auth` is none, requested or required.

    A request must bring the token or the login, when there are any. `advertised_…` is what other workers are told, "" and 0 for the
    address that is listened at.
    """

    listeners: tuple[Listener, ...]
    advertised_host: str = ""
    advertised_port: int = 0
    advertised_scheme: str = ""
    token: Secret = field(default_factory=Secret)
    basic_auth: Secret = field(default_factory=Secret)
    certificate_file: str = ""
    key_file: str = ""
    key_password: Secret = field(default_factory=Secret)
    ca_file: str = ""
    client_auth: str = "none"

    @classmethod
    def from_config(cls, config: Config) -> RestSettings:
        """Return the settings of a worker's configuration."""
        port = config["rest.advertised.port"]
        return cls(
            listeners=tuple(map(Listener.parse, config.list("listeners"))),
            advertised_host=config.string("rest.advertised.host.name"),
            advertised_port=port if isinstance(port, int) else 0,
            advertised_scheme=config.string("rest.advertised.listener"),
            token=config.password("rest.token"),
            basic_auth=config.password("rest.basic.auth"),
            certificate_file=config.string(f"{_HTTPS}ssl.keystore.location"),
            key_file=config.string(f"{_HTTPS}ssl.key.location"),
            key_password=config.password(f"{_HTTPS}ssl.key.password"),
            ca_file=config.string(f"{_HTTPS}ssl.truststore.location"),
            client_auth=config.string(f"{_HTTPS}ssl.client.auth"),
        )


@dataclass(frozen=True, slots=True)
class StorageTopic:
    """A compacted topic, created when absent; -1 partitions or replicas are the broker's default. `name` is "" when none was given."""

    name: str
    partitions: int = -1
    replication_factor: int = -1

    @classmethod
    def from_config(cls, config: Config, what: str) -> StorageTopic:
        """Return the topic of configurations (`what` "config"), offsets or states."""
        partitions = 1 if what == "config" else config.integer(f"{what}.storage.partitions")
        return cls(
            config.string(f"{what}.storage.topic"), partitions, config.integer(f"{what}.storage.replication.factor")
        )


@dataclass(frozen=True, slots=True)
class GroupSettings:
    """The group of workers; `id` is "" for one that stands alone. Times are in seconds."""

    id: str = ""
    session_timeout: float = 10.0
    heartbeat_interval: float = 3.0
    rebalance_timeout: float = 60.0
    rebalance_delay: float = 0.0

    @classmethod
    def from_config(cls, config: Config) -> GroupSettings:
        """Return the settings of a worker's configuration."""
        return cls(
            id=config.string("group.id"),
            session_timeout=config.integer("session.timeout.ms") / 1000,
            heartbeat_interval=config.integer("heartbeat.interval.ms") / 1000,
            rebalance_timeout=config.integer("rebalance.timeout.ms") / 1000,
            rebalance_delay=config.integer("scheduled.rebalance.max.delay.ms") / 1000,
        )


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """A worker, ready to start. Times are in seconds; `masked` is what was given, fit for a log; `notice` is one line to print, or "".

    `converters` holds key.converter, value.converter and header.converter with the properties under them, as a connector inherits them.
    `providers` are those that connectors may fetch values from.
    """

    rest: RestSettings
    group: GroupSettings
    config_topic: StorageTopic
    offset_topic: StorageTopic
    status_topic: StorageTopic
    plugin_path: tuple[Path, ...] = ()
    converters: Mapping[str, str] = field(default_factory=dict)
    providers: Mapping[str, Provider] = field(default_factory=dict)
    override_policy: str = "All"
    offset_flush_interval: float = 60.0
    shutdown_timeout: float = 5.0
    topic_tracking: bool = True
    topic_tracking_reset: bool = True
    topic_creation: bool = True
    masked: Mapping[str, str] = field(default_factory=dict)
    notice: str = ""
    _clients: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)

    @classmethod
    def from_raw(
        cls, raw: Mapping[str, str], *, distributed: bool = False, providers: Mapping[str, Provider] = PROVIDERS
    ) -> WorkerSettings:
        """Return the settings of a worker's file, read by `cdc.config.files.parse_properties`.

        A distributed worker must name its group and its topics. `providers` are for the references in this file alone, beside those
        that it sets up itself.

        Raises:
            InvalidConfig: with every problem there is; a ConfigError.
        """
        own, problems = build_providers(raw)
        resolved = resolve(raw, {**providers, **own})
        config, found = WORKER.examine(resolved.values, {*resolved.secret, *_passwords(raw)})
        lacking = tuple(in_a_cluster(config)) if distributed else ()
        if problems or found or lacking:
            raise InvalidConfig((*problems, *found, *lacking))
        return cls._from_config(config, resolved.values, own)

    @classmethod
    def _from_config(cls, config: Config, raw: Mapping[str, str], providers: Mapping[str, Provider]) -> WorkerSettings:
        return cls(
            rest=RestSettings.from_config(config),
            group=GroupSettings.from_config(config),
            config_topic=StorageTopic.from_config(config, "config"),
            offset_topic=StorageTopic.from_config(config, "offset"),
            status_topic=StorageTopic.from_config(config, "status"),
            plugin_path=tuple(map(Path, config.list("plugin.path"))),
            converters=_converters(config),
            providers=providers,
            override_policy=config.string("connector.client.config.override.policy"),
            offset_flush_interval=config.integer("offset.flush.interval.ms") / 1000,
            shutdown_timeout=config.integer("task.shutdown.graceful.timeout.ms") / 1000,
            topic_tracking=config.boolean("topic.tracking.enable"),
            topic_tracking_reset=config.boolean("topic.tracking.allow.reset"),
            topic_creation=config.boolean("topic.creation.enable"),
            masked=config.masked(),
            notice=config.notice(),
            _clients=_clients(config, raw),
        )

    def kafka_properties(self, client: str = "producer") -> Mapping[str, str]:
        """Return the properties of a Kafka client ("producer", "consumer" or "admin") as texts, for a connector to override.

        They are what the worker says of Kafka, and what it says under the client's prefix, without that prefix. They hold passwords.
        """
        return self._clients[client]

    def kafka_settings(
        self, name: str, overrides: Mapping[str, str] | None = None, client: str = "producer"
    ) -> KafkaSettings:
        """Return the settings of a Kafka client with the transactional id `cdcstream-<name>`.

        `overrides` are those of a connector, by plain names. What only a consumer reads is left out.

        Raises:
            InvalidConfig: an override does not fit.
        """
        given = {**self.kafka_properties(client), **(overrides or {})}
        known = {name: text for name, text in given.items() if _KAFKA.find(name)}
        topic = {
            "offset.storage.topic": self.offset_topic.name,
            "offset.storage.partitions": str(self.offset_topic.partitions),
            "offset.storage.replication.factor": str(self.offset_topic.replication_factor),
            "topic.creation.enable": str(self.topic_creation).lower(),
        }
        return KafkaSettings.from_config(_KAFKA.parse({**topic, **known, "name": name}))


_KAFKA: Final = Definition(
    (
        Property("name", Type.STRING, None, "Name of the client."),
        *kafka.TOPIC_CREATION,
        *_OFFSET_ROWS,
        *kafka.TRANSACTIONS,
        *_CLIENT.values(),
        *_SECURITY.values(),
    ),
    prefixes=kafka.PREFIXES,
    rules=kafka.RULES,
)


def _converters(config: Config) -> Mapping[str, str]:
    sides = ("key.converter", "value.converter", "header.converter")
    classes = {side: config.string(side) for side in sides}
    beneath = {f"{side}.{name}": text for side in sides for name, text in config.beneath(f"{side}.").items()}
    return {**classes, **beneath}


def _clients(config: Config, raw: Mapping[str, str]) -> Mapping[str, Mapping[str, str]]:
    names = {name: each.name for each in CONNECTION.values() for name in (each.name, *each.also)}
    common = {names[name]: text for name, text in raw.items() if name in names}
    common.setdefault("bootstrap.servers", ",".join(config.list("bootstrap.servers")))
    return {client: {**common, **_canonical(config.beneath(f"{client}."), TABLES[client])} for client in CLIENTS}


def _passwords(raw: Mapping[str, str]) -> Iterator[str]:
    """Yield the names under the prefix of a client that hold a password."""
    for name in raw:
        client, _, plain = name.partition(".")
        row = find_row(TABLES.get(client, {}), plain)
        if row and row.type is Type.PASSWORD:
            yield name


def _canonical(given: Mapping[str, str], table: Mapping[str, Property]) -> Mapping[str, str]:
    """Return properties under their first names, so that one overrides the other whichever name was used."""
    names = {name: each.name for each in table.values() for name in (each.name, *each.also)}
    return {names.get(name, name): text for name, text in given.items()}
