"""Reads what Kafka tells about itself and about one connector's topics.

What this user may do with a topic is told by the metadata (KIP-430). Whether it may use the transactional id is seen from the refusal of a
request that ends a transaction of a producer that does not exist: brokers look at the right first. Topics that are missing are validated
as a creation would be (`validate_only`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, cast

from aiokafka import errors
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.admin import CreateTopicsRequest, DescribeConfigsRequest
from aiokafka.protocol.transaction import EndTxnRequest

from cdc.config.settings import KafkaSettings
from cdc.kafka.client import client_arguments, probe
from cdc.kafka.doctor.facts import KafkaFacts, TopicFacts
from cdc.kafka.doctor.metadata import MetadataRequest
from cdc.kafka.history import history_topic
from cdc.kafka.topics import TOPIC_RESOURCE

TRANSACTION_LOG: Final = "__transaction_state"
BROKER_RESOURCE: Final = 4
#: No broker has given out this producer id.
NOBODY: Final = (1 << 63) - 1
TOPIC_SETTINGS: Final = (
    "cleanup.policy",
    "retention.ms",
    "retention.bytes",
    "min.insync.replicas",
    "max.message.bytes",
)
BROKER_SETTINGS: Final = (
    "transaction.state.log.replication.factor",
    "transaction.state.log.min.isr",
    "transaction.max.timeout.ms",
    "message.max.bytes",
)


async def read_facts(settings: KafkaSettings, topics: Sequence[str], history: str) -> KafkaFacts:
    """Ask the brokers about the topics of tables, and that of the schema history if there is one; raises CdcError when they refuse us, and what aiokafka raises when they do not answer."""
    arguments = await client_arguments(settings)
    await probe(settings, arguments)
    client = AIOKafkaClient(**arguments)
    try:
        async with asyncio.timeout(settings.request_timeout):
            await client.bootstrap()
            return await _Reader(client, settings, history).facts(topics)
    finally:
        await client.close()


class _Reader:
    """One reading of one cluster."""

    def __init__(self, client: AIOKafkaClient, settings: KafkaSettings, history: str) -> None:
        self._client = client
        self._settings = settings
        self._history = history

    async def facts(self, names: Sequence[str]) -> KafkaFacts:
        offsets, history = self._settings.offset_topic, self._history
        asked = [*names, offsets, *([history] if history else []), TRANSACTION_LOG]
        metadata = await self._ask(MetadataRequest(asked))
        found = {name: _topic(code, name, partitions, bits) for code, name, _, partitions, bits in metadata.topics}
        known = await self._configs(TOPIC_RESOURCE, [name for name, topic in found.items() if topic.exists])
        refusals = await self._refusals([topic for topic in found.values() if not topic.exists])
        full = {
            name: replace(topic, settings=known.get(name, {}), refusal=refusals.get(name, ""))
            for name, topic in found.items()
        }
        return KafkaFacts(
            brokers=len(metadata.brokers),
            tables=[full[name] for name in names],
            offsets=full[offsets],
            id_allowed=await self._id_allowed(),
            transactions=found[TRANSACTION_LOG].exists,
            broker=await self._broker(metadata.brokers[0][0]),
            history=full[history] if history else None,
        )

    async def _id_allowed(self) -> bool:
        response = await self._ask(EndTxnRequest(self._settings.transactional_id, NOBODY, 0, False))
        return bool(errors.for_code(response.error_code) is not errors.TransactionalIdAuthorizationFailed)

    async def _broker(self, node: int) -> Mapping[str, str]:
        found = await self._configs(BROKER_RESOURCE, [str(node)], BROKER_SETTINGS, node)
        return found.get(str(node), {})

    async def _configs(
        self, kind: int, names: Sequence[str], settings: Sequence[str] = TOPIC_SETTINGS, node: int | None = None
    ) -> dict[str, dict[str, str]]:
        """Return settings by resource, of those that the broker tells to this user."""
        if not names:
            return {}
        request = DescribeConfigsRequest([(kind, name, list(settings)) for name in names], include_synonyms=False)
        response = await self._ask(request, node)
        return {
            name: {entry[0]: entry[1] for entry in entries if entry[1] is not None}
            for _code, _message, _kind, name, entries in response.resources
        }

    async def _refusals(self, missing: Sequence[TopicFacts]) -> dict[str, str]:
        """Return why missing topics could not be created as the connector would, by name; nothing is created."""
        wanted = self._settings.topics
        asked: list[Any] = []
        for topic in missing:
            if topic.name == self._settings.offset_topic:
                shape = self._settings.offset_partitions, self._settings.offset_replication_factor
                asked.append((topic.name, *shape, [], [("cleanup.policy", "compact")]))
            elif topic.name == self._history:
                made = history_topic(topic.name)
                asked.append((topic.name, 1, wanted.replication_factor, [], list(made.configs.items())))
            elif topic.name != TRANSACTION_LOG and wanted.create:
                asked.append(
                    (topic.name, wanted.partitions, wanted.replication_factor, [], list(wanted.configs.items()))
                )
        if not asked:
            return {}
        request = CreateTopicsRequest(asked, round(self._settings.request_timeout * 1000), validate_only=True)
        controller = self._client.cluster.controller
        response = await self._ask(request, None if controller is None else int(controller.nodeId))
        return {
            name: (message[0] if message and message[0] else errors.for_code(code).__name__)
            for name, code, *message in response.topic_errors
            if code
        }

    async def _ask(self, request: Any, node: int | None = None) -> Any:
        return await self._client.send(self._client.get_random_node() if node is None else node, request)


def _topic(code: int, name: str, partitions: Sequence[Any], bits: int) -> TopicFacts:
    """Return a topic of the metadata; one that may not be seen may exist or not, and its rights are none."""
    error = cast("type[Exception]", errors.for_code(code))
    if error is errors.TopicAuthorizationFailedError:
        return TopicFacts(name, rights=0)
    replicas = min((len(partition[4]) for partition in partitions), default=1)
    exists = error is not errors.UnknownTopicOrPartitionError
    return TopicFacts(name, exists, bits, len(partitions) or 1, replicas)
