"""Which properties of the Kafka client a connector may set, under `producer.override.`, `consumer.override.` and `admin.override.`.

Whoever may create a connector can set properties of its Kafka clients, and in Java some of those run code or open files and addresses:
CVE-2023-25194 (a login module), CVE-2025-27817 (an address of OAuth). So there is a list of what is let through; everything else is
refused, also what nobody has thought of yet.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from cdc.config.definition import Config, Rule
from cdc.config.property import Problem, nearest
from cdc.config.worker_clients import CLIENTS, TABLES, check_client

_EVERY_CLIENT: Final = (
    "bootstrap.servers",
    "client.id",
    "metadata.max.age.ms",
    "request.timeout.ms",
    "sasl.jaas.config",
    "sasl.mechanism",
    "sasl.password",
    "sasl.username",
    "security.protocol",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.password",
    "ssl.keystore.certificate.chain",
    "ssl.keystore.key",
    "ssl.keystore.type",
    "ssl.truststore.certificates",
    "ssl.truststore.type",
)

ALLOWED: Final[Mapping[str, frozenset[str]]] = {
    "producer": frozenset(
        (
            *_EVERY_CLIENT,
            "acks",
            "batch.size",
            "buffer.memory",
            "compression.type",
            "delivery.timeout.ms",
            "enable.idempotence",
            "linger.ms",
            "max.block.ms",
            "max.in.flight.requests.per.connection",
            "max.request.size",
            "retries",
            "transaction.timeout.ms",
        )
    ),
    "consumer": frozenset(
        (
            *_EVERY_CLIENT,
            "auto.offset.reset",
            "fetch.max.bytes",
            "fetch.max.wait.ms",
            "fetch.min.bytes",
            "group.id",
            "heartbeat.interval.ms",
            "isolation.level",
            "max.partition.fetch.bytes",
            "max.poll.interval.ms",
            "max.poll.records",
            "session.timeout.ms",
        )
    ),
    "admin": frozenset(_EVERY_CLIENT),
}
"""By client, the properties that a connector may set: none of them names code, a file or an address but the brokers'."""

_PRINCIPAL: Final = frozenset(
    ("sasl.jaas.config", "sasl.mechanism", "sasl.password", "sasl.username", "security.protocol")
)

_DANGERS: Final = (
    (r".*(?:class|classes|reporters|providers|assignors?|\.strategy)", "it names code to be run (CVE-2023-25194)"),
    (r".*url(?:\..*)?|.*\.oauthbearer\..*", "it names an address or a file to be opened (CVE-2025-27817)"),
    (r".*(?:location|\.file|\.files|\.path)", "it names a file on the worker's machine"),
)


def client_overrides(policy: str = "All") -> Rule:
    """Return the rule that a connector sets only what it may of its Kafka clients.

    `policy` is that of the worker (`connector.client.config.override.policy`): All is all that is on the list, Principal what makes the
    login, None nothing.
    """

    def rule(config: Config) -> Iterator[Problem]:
        for client in CLIENTS:
            prefix = f"{client}.override."
            for name, text in config.beneath(prefix).items():
                yield from _override_problems(policy, client, prefix, name, text)

    return rule


def _override_problems(policy: str, client: str, prefix: str, name: str, text: str) -> Iterator[Problem]:
    label = prefix + name
    if name not in ALLOWED[client]:
        yield _refused(label, prefix, name, ALLOWED[client])
    elif policy == "None" or (policy == "Principal" and name not in _PRINCIPAL):
        fact = f"The '{policy}' policy does not allow '{label}' to be overridden in the connector configuration"
        yield Problem(label, fact, "Remove it, or change connector.client.config.override.policy of the worker.")
    else:
        yield from check_client(label, name, text, TABLES[client])


def _refused(label: str, prefix: str, name: str, allowed: Iterable[str]) -> Problem:
    """Return the problem that a property is not on the list, with the reason if it is a known danger."""
    danger = next((why for pattern, why in _DANGERS if re.fullmatch(pattern, name)), "")
    if danger:
        return Problem(
            label, f"{label} is refused: {danger}", "Remove it; what all connectors need, the worker can set."
        )
    near = nearest(name, sorted(allowed))
    remedy = f"Did you mean {prefix}{near}?" if near else "Remove it."
    return Problem(label, f"{label} is not among the properties that a connector may set", remedy)
