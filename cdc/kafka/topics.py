"""Topics: made when they are missing, checked where their settings matter, and known with their partitions."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from aiokafka import errors
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.admin import CreateTopicsRequest, DescribeConfigsRequest
from aiokafka.protocol.metadata import MetadataRequest

from cdc.config.settings import KafkaSettings
from cdc.errors import KafkaRefused, KafkaUnavailable
from cdc.kafka.failure import unauthorised_topics

log = logging.getLogger(__name__)

TOPIC_RESOURCE: Final = 2
METADATA_PAUSE: Final = 0.05
CREATE_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class NewTopic:
    """A topic to be made; -1 partitions or replicas are the broker's default."""

    name: str
    partitions: int = -1
    replication_factor: int = -1
    configs: Mapping[str, str] = field(default_factory=dict)


class Topics:
    """What a producer needs to know of its topics, over the producer's own connections.

    Whatever goes wrong on the way to the broker is left to the caller, as aiokafka's exception.
    """

    def __init__(self, client: AIOKafkaClient, settings: KafkaSettings, own: Sequence[NewTopic] = ()) -> None:
        """Take the connections; `own` are topics that have settings of their own, and are made whatever topic.creation.enable says."""
        self._client = client
        self._settings = settings
        self._own = {topic.name: topic for topic in own}

    async def ensure(self, names: Sequence[str]) -> dict[str, int]:
        """Create the table topics that are missing, and return how large a batch each takes, in bytes.

        Raises:
            KafkaRefused: a topic may not be created or written, or is missing and topic.creation.enable is off.
        """
        wanted = self._settings.topics
        missing = await self._missing(names)
        others = [name for name in missing if name not in self._own]
        if others and not wanted.create:
            fact = f"Topic {others[0]} does not exist, and topic.creation.enable is false"
            raise KafkaRefused(fact, "Create it, or set topic.creation.enable to true.")
        if missing:
            usual = NewTopic("", wanted.partitions, wanted.replication_factor, wanted.configs)
            await self._create([self._own.get(name) or replace(usual, name=name) for name in missing])
        return await self._known(names)

    async def wait_for(self, name: str) -> int:
        """Wait until a topic exists that somebody else creates, and return how large a batch it takes, in bytes.

        Raises:
            KafkaRefused: it may not be read or written.
        """
        while True:
            if not await self._missing([name]):
                return (await self._known([name]))[name]
            await asyncio.sleep(METADATA_PAUSE)

    async def ensure_offsets(self) -> None:
        """Create the offset topic if it is missing; else check that it is compacted and nothing more.

        Raises:
            KafkaRefused: it may not be created, or would forget offsets.
        """
        partitions, replicas = self._settings.offset_partitions, self._settings.offset_replication_factor
        await self.ensure_compacted(NewTopic(self._settings.offset_topic, partitions, replicas))

    async def ensure_compacted(self, topic: NewTopic) -> None:
        """Create a topic of compacted records if it is missing; else check that it is compacted and nothing more.

        Raises:
            KafkaRefused: it may not be created, or would forget records.
        """
        name = topic.name
        if await self._missing([name]):
            await self._create([replace(topic, configs={**topic.configs, "cleanup.policy": "compact"})])
        await self._learn([name])
        policy = (await self._configs([name], "cleanup.policy")).get(name)
        if policy is not None and policy != "compact":
            fact = (
                f"Topic {name} has cleanup.policy = {policy}, so the broker would delete some day what is stored in it"
            )
            remedy = f"Run: kafka-configs --alter --topic {name} --add-config cleanup.policy=compact, or name another topic (*.storage.topic)."
            raise KafkaRefused(fact, remedy)

    def partitions(self, name: str) -> int | None:
        """Return the number of partitions as last heard; None for a topic that is not known (any more)."""
        known = self._client.cluster.partitions_for_topic(name)
        return len(known) if known else None

    async def _missing(self, names: Iterable[str]) -> list[str]:
        response = await self._ask(MetadataRequest(list(names), allow_auto_topic_creation=False))
        missing = []
        for code, name, *_ in response.topics:
            error = errors.for_code(code)
            if error is errors.UnknownTopicOrPartitionError:
                missing.append(name)
            elif error is errors.TopicAuthorizationFailedError:
                raise unauthorised_topics([name])
            elif error is errors.InvalidTopicError:
                raise _invalid(name)
        return missing

    async def _create(self, topics: Sequence[NewTopic]) -> None:
        wanted: list[Any] = [(t.name, t.partitions, t.replication_factor, [], list(t.configs.items())) for t in topics]
        request = CreateTopicsRequest(wanted, round(CREATE_SECONDS * 1000), validate_only=False)
        response = await self._ask(request, self._controller())
        for name, code, *message in response.topic_errors:
            if code not in {errors.NoError.errno, errors.TopicAlreadyExistsError.errno}:
                raise _cannot_create(name, code, message[0] if message else None)
            log.info("created topic %s", name)

    def _controller(self) -> int | None:
        controller = self._client.cluster.controller
        return None if controller is None else int(controller.nodeId)

    async def _known(self, names: Sequence[str]) -> dict[str, int]:
        """Know the topics from here on, and return how large a batch each takes, in bytes."""
        await self._learn(names)
        limits = await self._configs(names, "max.message.bytes")
        return {
            name: min(self._settings.batch_bytes, int(limits.get(name) or self._settings.batch_bytes)) for name in names
        }

    async def _learn(self, names: Sequence[str]) -> None:
        """Have the client keep the topics in its metadata, and wait until it knows them all.

        Each has to be named: the client forgets topics that nobody named as soon as anybody names one.
        """
        updated = [self._client.add_topic(name) for name in names]
        await asyncio.gather(*updated)
        while not all(self._client.cluster.partitions_for_topic(name) for name in names):
            await asyncio.sleep(METADATA_PAUSE)
            await self._client.force_metadata_update()

    async def _configs(self, names: Sequence[str], setting: str) -> dict[str, str]:
        """Return one setting of each topic, for those where the broker tells it."""
        request = DescribeConfigsRequest([(TOPIC_RESOURCE, name, [setting]) for name in names], include_synonyms=False)
        response = await self._ask(request)
        found = {}
        for code, _message, _kind, name, entries in response.resources:
            if code:
                log.debug("the broker does not tell %s of topic %s: %s", setting, name, errors.for_code(code).__name__)
            for entry in entries:
                found[name] = entry[1]
        return found

    async def _ask(self, request: Any, node: int | None = None) -> Any:
        return await self._client.send(self._client.get_random_node() if node is None else node, request)


def _invalid(name: str) -> KafkaRefused:
    remedy = "Kafka takes letters, digits, dot, underscore and minus, at most 249; choose another topic.prefix or rename the table."
    return KafkaRefused(f"{name!r} cannot be the name of a topic", remedy)


def _cannot_create(name: str, code: int, message: str | None) -> KafkaRefused | KafkaUnavailable:
    error = errors.for_code(code)
    words = message or error.__name__
    if error in {errors.TopicAuthorizationFailedError, errors.ClusterAuthorizationFailedError}:
        remedy = "Create it beforehand, or grant the user the ACL CREATE on it (kafka-acls --add --producer --topic …)."
        return KafkaRefused(f"Kafka does not allow creating topic {name}", remedy)
    if error is errors.InvalidTopicError:
        return _invalid(name)
    if error.retriable:
        return KafkaUnavailable(f"Topic {name} could not be created: {words}", "It is tried again.")
    remedy = "Check topic.creation.default.* (for the topics of offsets, configs and status: *.storage.*), or create the topic beforehand."
    return KafkaRefused(f"Kafka does not create topic {name}: {words}", remedy)
