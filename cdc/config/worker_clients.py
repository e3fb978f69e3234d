"""The Kafka clients of a worker: what may stand under `producer.`, `consumer.` and `admin.`, and what it means.

What a worker says of Kafka (addresses, TLS, login) holds for its own clients and for those of its connectors, so that it is written once;
Kafka Connect wants it again under these prefixes, which is accepted, and counts for that client alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from cdc.config import kafka
from cdc.config.definition import Config
from cdc.config.property import Importance, Problem, Property, Status, Type, nearest, planned
from cdc.config.validators import between

CLIENTS: Final = ("producer", "consumer", "admin")
"""The Kafka clients whose properties can be given under a prefix."""

USED: Final = ("producer", "consumer")
"""Those of them that there are here."""


def _plain(properties: Iterable[Property]) -> dict[str, Property]:
    """Return properties of the Kafka client by name, without the names that they have in a connector's configuration."""
    return {
        each.name: replace(each, also=tuple(name for name in each.also if not name.startswith(kafka.OVERRIDE)))
        for each in properties
    }


SECURITY: Final = _plain(kafka.SECURITY)
"""TLS and login, by name."""

CLIENT: Final = _plain(kafka.CLIENT)
"""The rest of what a producer takes, by name."""

CONNECTION: Final[Mapping[str, Property]] = {
    **{name: CLIENT[name] for name in ("bootstrap.servers", "client.id", "request.timeout.ms", "metadata.max.age.ms")},
    **SECURITY,
}
"""What every Kafka client takes, by name."""

PRODUCER: Final[Mapping[str, Property]] = {
    **CONNECTION,
    **CLIENT,
    **_plain(each for each in kafka.TRANSACTIONS if each.name == "transaction.timeout.ms"),
}
"""What a producer takes, by name."""


def _number(name: str, default: str, doc: str, *, low: int = 1, unit: str = "") -> Property:
    return Property(name, Type.INT, default, doc, Importance.LOW, validator=between(low, unit=unit))


GROUP_CONSUMER: Final = (
    Property(
        "auto.offset.reset",
        Type.STRING,
        "earliest",
        "Where reading begins in a partition of which the group has no offset, or one that is gone.",
        choices=("earliest", "latest"),
        planned=("none",),
    ),
    _number("max.poll.records", "500", "Largest number of records that a task is given at a time."),
    _number(
        "max.poll.interval.ms",
        "300000",
        "How long a task may work on them before its partitions go to others, in milliseconds.",
        unit="milliseconds",
    ),
    replace(
        _number(
            "session.timeout.ms",
            "10000",
            "How long a task may be silent before its partitions go to others, in milliseconds.",
            low=1000,
            unit="milliseconds",
        ),
        debezium_default="45000",
        why="The partitions of a killed worker are read on sooner.",
    ),
    _number(
        "heartbeat.interval.ms",
        "3000",
        "Pause between signs of life, in milliseconds; at most a third of the session timeout.",
        unit="milliseconds",
    ),
    _number("fetch.min.bytes", "1", "Bytes that the broker waits for before it answers."),
    _number(
        "fetch.max.wait.ms",
        "500",
        "Longest wait of the broker for fetch.min.bytes, in milliseconds.",
        unit="milliseconds",
    ),
    _number("fetch.max.bytes", "52428800", "Largest answer of a broker, in bytes."),
    _number(
        "max.partition.fetch.bytes",
        "1048576",
        "Largest part of an answer that one partition has, in bytes; a larger record comes alone.",
    ),
)
"""What a member of a consumer group reads (`cdc.kafka.group`): how it takes part, and how much it takes at a time."""

CONSUMER: Final[Mapping[str, Property]] = {
    **CONNECTION,
    **{
        each.name: each
        for each in (
            planned("group.id", Type.STRING, None, "The consumer group, which is connect-<name>."),
            Property(
                "isolation.level",
                Type.STRING,
                "read_committed",
                "Records of transactions that were aborted or are still open are left out.",
                Importance.LOW,
                choices=("read_committed",),
                planned=("read_uncommitted",),
                debezium_default="read_uncommitted",
                why="What was rolled back must not reach a sink.",
            ),
            *GROUP_CONSUMER,
        )
    },
}
"""What the consumer of a sink takes, by name."""

NO_ADMIN: Final = "topics are created over the connection that the records take"

ADMIN: Final[Mapping[str, Property]] = {
    name: replace(row, status=Status.WITHOUT_EFFECT, reason=NO_ADMIN) for name, row in CONNECTION.items()
}
"""What may be said of an admin client, by name; there is none here."""

TABLES: Final[Mapping[str, Mapping[str, Property]]] = {"producer": PRODUCER, "consumer": CONSUMER, "admin": ADMIN}
"""The properties of each client, by its prefix without the dot."""


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


def without_effect_beneath(config: Config) -> Iterator[str]:
    """Yield the names that were given under the prefix of a client and have no effect."""
    for client in CLIENTS:
        for name in config.beneath(f"{client}."):
            row = find_row(TABLES[client], name)
            if row and row.status is Status.WITHOUT_EFFECT:
                yield f"{client}.{name}"


def properties_by_client(config: Config, raw: Mapping[str, str]) -> Mapping[str, Mapping[str, str]]:
    """Return the properties of each of `USED` under their first names: what the worker says of Kafka, then what it says of that client."""
    common = _canonical({name: text for name, text in raw.items() if find_row(CONNECTION, name)}, CONNECTION)
    servers = {"bootstrap.servers": ",".join(config.list("bootstrap.servers"))}
    return {side: {**servers, **common, **_canonical(config.beneath(f"{side}."), TABLES[side])} for side in USED}


def passwords_beneath(raw: Mapping[str, str]) -> Iterator[str]:
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
