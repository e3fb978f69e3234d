"""A worker's settings, read from its file: what the runtime that runs connectors is made with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cdc.config import kafka
from cdc.config.definition import Config, Definition, InvalidConfig
from cdc.config.property import Property, Type
from cdc.config.providers import PROVIDERS, Provider, resolve
from cdc.config.settings import KafkaSettings
from cdc.config.worker_clients import CLIENT, SECURITY, passwords_beneath, properties_by_client, without_effect_beneath
from cdc.config.worker_cluster import OFFSETS, ClusterSettings, StorageTopic
from cdc.config.worker_properties import DISTRIBUTED, STANDALONE
from cdc.config.worker_providers import NewProvider, build_providers
from cdc.config.worker_rest import Listener, RestSettings

__all__ = ["ClusterSettings", "Listener", "RestSettings", "StorageTopic", "WorkerSettings"]


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """A worker, ready to start. Times are in seconds; `masked` is what was given, fit for a log; `notice` is one line to print, or "".

    `converters` holds key.converter, value.converter and header.converter with the properties under them, as a connector inherits them.
    `providers` are those that connectors may fetch values from. `cluster` is None for a worker that stands alone.
    """

    rest: RestSettings
    offset_topic: StorageTopic
    cluster: ClusterSettings | None = None
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
        cls,
        raw: Mapping[str, str],
        *,
        distributed: bool = False,
        providers: Mapping[str, Provider] = PROVIDERS,
        plugin: Callable[[str], NewProvider] | None = None,
    ) -> WorkerSettings:
        """Return the settings of a worker's file, read by `cdc.config.files.parse_properties`.

        A distributed worker must name its cluster and the topics that this keeps everything in; for one that stands alone they are
        without effect. `providers` are for the references in this file alone, beside those that it sets up itself;
        `plugin` finds the class of a provider that is a plugin.

        Raises:
            InvalidConfig: with every problem there is; a ConfigError.
        """
        own, problems = build_providers(raw, plugin)
        resolved = resolve(raw, {**providers, **own})
        definition = DISTRIBUTED if distributed else STANDALONE
        config, found = definition.examine(resolved.values, {*resolved.secret, *passwords_beneath(raw)})
        if problems or found:
            raise InvalidConfig((*problems, *found))
        cluster = ClusterSettings.from_config(config) if distributed else None
        return cls._from_config(config, resolved.values, own, cluster)

    @classmethod
    def _from_config(
        cls,
        config: Config,
        raw: Mapping[str, str],
        providers: Mapping[str, Provider],
        cluster: ClusterSettings | None,
    ) -> WorkerSettings:
        return cls(
            rest=RestSettings.from_config(config),
            offset_topic=StorageTopic.from_config(config, "offset"),
            cluster=cluster,
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
            notice=_notice(config),
            _clients=properties_by_client(config, raw),
        )

    def kafka_properties(self, client: str = "producer") -> Mapping[str, str]:
        """Return the properties of a Kafka client ("producer" or "consumer") as texts, for a connector to override.

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
        *OFFSETS,
        *kafka.TRANSACTIONS,
        *CLIENT.values(),
        *SECURITY.values(),
    ),
    prefixes=kafka.PREFIXES,
    rules=kafka.RULES,
)


def _converters(config: Config) -> Mapping[str, str]:
    sides = ("key.converter", "value.converter", "header.converter")
    classes = {side: config.string(side) for side in sides}
    beneath = {f"{side}.{name}": text for side in sides for name, text in config.beneath(f"{side}.").items()}
    return {**classes, **beneath}


def _notice(config: Config) -> str:
    """Return one line about everything that has no effect, under the prefix of a client too."""
    return Config({}, {}, (*config.without_effect, *without_effect_beneath(config))).notice()
