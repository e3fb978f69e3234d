"""A connector's configuration as it takes effect: what the worker says for all, and what the connector says for itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from cdc.config import kafka
from cdc.config.connect import COMMON, ERRORS
from cdc.config.definition import Config, Definition
from cdc.config.providers import Provider, resolve
from cdc.config.settings import KafkaSettings, PipelineSettings

_SIDES: Final = ("key.converter", "value.converter", "header.converter")
#: Connect's word for an offset topic of one connector's own.
_OWN_OFFSETS: Final = "offsets.storage.topic"
_OVERRIDE: Final = kafka.OVERRIDE
_TOPICS: Final = "topic.creation."
_CREATE: Final = "topic.creation.enable"
_RETRIES: Final = ("errors.max.retries", "retriable.restart.connector.wait.ms")

#: What a task needs of Kafka; everything else in a connector's configuration is for others.
DELIVERY: Final = Definition(
    (
        *(row for row in COMMON if row.name == "name"),
        *(row for row in ERRORS if row.name in _RETRIES),
        *kafka.TOPIC_CREATION,
        *kafka.OFFSETS,
        *kafka.TRANSACTIONS,
        *kafka.CLIENT,
        *kafka.SECURITY,
    ),
    prefixes=kafka.PREFIXES,
    rules=kafka.RULES,
)


@dataclass(frozen=True, slots=True)
class Effective:
    """`given` is what a person wrote, `values` what takes effect, references to secrets replaced; `secret` names those that had one.

    `client` is what the worker says of Kafka, by the plain names of the client's properties. They are apart, since a connector may have
    properties of its own with these names.
    """

    name: str
    given: Mapping[str, str]
    values: Mapping[str, str]
    secret: frozenset[str]
    client: Mapping[str, str]

    def delivery(self) -> Config:
        """Return the part about Kafka, parsed: the worker's words, and what the connector overrides.

        Raises:
            InvalidConfig: it cannot be used.
        """
        worker = {name: text for name, text in self.client.items() if DELIVERY.find(name)}
        own = {name: text for name, text in self.values.items() if name in _RETRIES or name.startswith(_TOPICS)}
        overrides = {name: text for name, text in self.beneath(_OVERRIDE).items() if DELIVERY.find(name)}
        if self.values.get(_OWN_OFFSETS):
            overrides["offset.storage.topic"] = self.values[_OWN_OFFSETS]
        if worker.get(_CREATE) == "false":
            own[_CREATE] = "false"
        secret = {name.removeprefix(_OVERRIDE) for name in self.secret}
        return DELIVERY.parse({**worker, **own, **overrides, "name": self.name}, secret)

    def kafka(self, task: int = 0) -> KafkaSettings:
        """Return the settings of the client of a source task; raises InvalidConfig."""
        settings = KafkaSettings.from_config(self.delivery())
        if not task:
            return settings
        # The first task's id is that of `cdc-stream run`, so that one fences the other. Those of the others are nobody's first: with the
        # number at the end, task 1 of connector a would have that of connector a-1.
        return replace(settings, transactional_id=f"cdcstream.{task}-{self.name}")

    def pipeline(self) -> PipelineSettings:
        """Return how outages are waited for; raises InvalidConfig."""
        return PipelineSettings.from_config(self.delivery())

    def known_to(self, definition: Definition) -> Mapping[str, str]:
        """Return what takes effect, but for what the worker says that a definition does not know."""
        return {name: text for name, text in self.values.items() if name in self.given or _knows(definition, name)}

    def with_client(self, definition: Definition) -> Mapping[str, str]:
        """Return the same for a definition that has the properties of the Kafka client among its own."""
        taken = {row.name for name in self.given if (row := definition.find(name)) is not None}
        rows = {name: definition.find(name) for name in self.client}
        added = {name: self.client[name] for name, row in rows.items() if row is not None and row.name not in taken}
        return {**added, **self.known_to(definition)}

    def beneath(self, prefix: str) -> Mapping[str, str]:
        """Return what takes effect under a prefix, by the rest of the name."""
        return {name.removeprefix(prefix): text for name, text in self.values.items() if name.startswith(prefix)}

    def written(self, values: Mapping[str, str]) -> Mapping[str, str]:
        """Return a task's configuration as it may be shown and stored: references stand where providers have brought something."""
        return {name: self._written(name, text) for name, text in values.items()}

    def read(self, values: Mapping[str, str]) -> Mapping[str, str]:
        """Return what was `written`, with what the providers bring now, and with what the worker says for all connectors."""
        added = {name: text for name, text in self.values.items() if name not in self.given}
        return {**added, **{name: self._read(name, text) for name, text in values.items()}}

    def brought(self) -> set[str]:
        """Return what came from providers, so that it can be kept out of what is shown."""
        return {text for _, text in self._secrets()}

    def _written(self, name: str, text: str) -> str:
        if name in self.given and self.values.get(name) == text:
            return self.given[name]
        for given, brought in self._secrets():
            text = text.replace(brought, given)
        return text

    def _read(self, name: str, text: str) -> str:
        if self.given.get(name) == text:
            return self.values[name]
        for given, brought in self._secrets():
            text = text.replace(given, brought)
        return text

    def _secrets(self) -> list[tuple[str, str]]:
        """Return what was written and what it stands for, the longest first; empty ones cannot be found in a text."""
        pairs = [(self.given[name], self.values.get(name, "")) for name in self.secret if name in self.given]
        return sorted(((given, brought) for given, brought in pairs if brought), key=lambda pair: -len(pair[1]))


def effective(
    name: str,
    given: Mapping[str, str],
    converters: Mapping[str, str],
    client: Mapping[str, str],
    providers: Mapping[str, Provider],
) -> Effective:
    """Return what takes effect of a connector's configuration on a worker that says the rest for all connectors.

    A converter of the connector's own comes without the worker's properties for that side.

    Raises:
        InvalidConfig: a reference to a secret cannot be replaced.
    """
    resolved = resolve({**given, "name": name}, providers)
    return Effective(name, given, {**inherited(given, converters), **resolved.values}, resolved.secret, client)


def inherited(given: Mapping[str, str], converters: Mapping[str, str]) -> Mapping[str, str]:
    """Return what a connector takes over of its worker's converters."""
    own = [side for side in _SIDES if side in given]
    return {key: text for key, text in converters.items() if not any(_belongs(key, side) for side in own)}


def _belongs(key: str, side: str) -> bool:
    return key == side or key.startswith(f"{side}.")


def _knows(definition: Definition, name: str) -> bool:
    return definition.find(name) is not None or any(name.startswith(each.name) for each in definition.prefixes)
