"""What stands in the way at Kafka, looked at before a connector starts; nothing is created or changed there.

What this user may do with a topic is told by the metadata (KIP-430). Whether it may use the transactional id is seen from the refusal of a
request that ends a transaction of a producer that does not exist: brokers look at the right first. Topics that are missing are validated
as a creation would be (`validate_only`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, cast

from aiokafka import errors
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.admin import CreateTopicsRequest, DescribeConfigsRequest
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.transaction import EndTxnRequest
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

from cdc.config.settings import KafkaSettings
from cdc.errors import CdcError
from cdc.kafka.client import client_arguments, probe
from cdc.kafka.consumer import read_topics
from cdc.kafka.history import history_topic
from cdc.kafka.offsets import decode_key, decode_value
from cdc.kafka.topics import TOPIC_RESOURCE
from cdc.model.finding import Finding, Level
from cdc.offsets.base import SourceOffset, SourcePartition

TRANSACTION_LOG: Final = "__transaction_state"
BROKER_RESOURCE: Final = 4
SHORT_RETENTION: Final = 86_400_000
#: No broker has given out this producer id.
NOBODY: Final = (1 << 63) - 1
#: How long the end of the offset topic is waited for, in seconds.
PATIENCE: Final = 15.0
#: Bits of KIP-430, by the words of kafka-acls.
OPERATIONS: Final = {"Read": 1 << 3, "Write": 1 << 4, "Create": 1 << 5, "Describe": 1 << 8}
ALL: Final = sum(OPERATIONS.values())
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


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """A topic, whether it exists or not. `rights` are bits of OPERATIONS; `refusal` says why it could not be created, if it is missing."""

    name: str
    exists: bool = True
    rights: int = ALL
    partitions: int = 1
    replicas: int = 1
    settings: Mapping[str, str] = field(default_factory=dict)
    refusal: str = ""

    def lacks(self, *operations: str) -> list[str]:
        """Return which of the operations this user may not do."""
        return [each for each in operations if not self.rights & OPERATIONS[each]]

    def number(self, setting: str) -> int | None:
        """Return a setting that is a number, None where the broker does not tell it."""
        text = self.settings.get(setting)
        return int(text) if text is not None else None


@dataclass(frozen=True, slots=True)
class KafkaFacts:
    """What the brokers tell. `broker` holds their settings, where this user may see them; `id_allowed` is about the transactional id.

    `history` is the topic of the schema history, None where there is to be none.
    """

    brokers: int
    tables: Sequence[TopicFacts]
    offsets: TopicFacts
    id_allowed: bool = True
    transactions: bool = True
    broker: Mapping[str, str] = field(default_factory=dict)
    history: TopicFacts | None = None

    @property
    def own(self) -> Sequence[TopicFacts]:
        """The connector's own topics: they are created whatever topic.creation.enable says."""
        return [self.offsets] if self.history is None else [self.offsets, self.history]


async def stored_offset(settings: KafkaSettings, connector: str, partition: SourcePartition) -> SourceOffset | None:
    """Return the connector's newest offset without shutting anybody out; None where there is none.

    Raises:
        SinkError: the topic cannot be read.
        ValueError: the record is no offset.
    """
    newest: tuple[int, bytes | None] = (-1, None)
    async with aclosing(read_topics(settings, [settings.offset_topic], patience=PATIENCE)) as records:
        async for record in records:
            if decode_key(record.key) == (connector, dict(partition)) and record.timestamp_ms >= newest[0]:
                newest = record.timestamp_ms, record.value
    return decode_value(newest[1])


async def examine(
    settings: KafkaSettings, topics: Mapping[str, bool], longest: float, history: str = ""
) -> Sequence[Finding]:
    """Look at what the connector needs in Kafka; a cluster that refuses us is a finding.

    `topics` says of each table's topic whether its records have keys; `longest` is the longest transaction, in seconds;
    `history` the topic of the schema history, if there is to be one.
    """
    try:
        facts = await _read(settings, list(topics), history)
    except CdcError as error:
        return [Finding("error", "kafka", ",".join(settings.bootstrap_servers), str(error).rstrip("."), error.remedy)]
    except (errors.KafkaError, TimeoutError, AssertionError) as error:  # aiokafka asserts that it knows a broker
        fact = f"Kafka did not answer: {str(error) or type(error).__name__}"
        return [Finding("error", "kafka", ",".join(settings.bootstrap_servers), fact, "Check that the brokers run.")]
    return list(findings(facts, topics, settings, longest))


def findings(
    facts: KafkaFacts, topics: Mapping[str, bool], settings: KafkaSettings, longest: float
) -> Iterator[Finding]:
    """Yield what the facts mean for the connector."""
    yield from _transactions(facts, settings, longest)
    for topic in facts.tables:
        yield from _rights(topic, settings, "Write", "Describe")
    for topic in facts.own:
        yield from _rights(topic, settings, "Write", "Describe", "Read")
    yield from _missing(facts, settings)
    yield from _offset_topic(facts.offsets, settings)
    if facts.history is not None:
        yield from _history_topic(facts.history, settings)
    for topic in facts.tables:
        yield from _keyless(topic, settings, keyed=topics[topic.name])
    yield from _retention(facts.tables)
    yield from _sizes(facts, settings)
    yield from _replicas([*facts.tables, *facts.own], settings, facts.brokers)


def least_rights(settings: KafkaSettings, topics: Iterable[str], history: str = "") -> Sequence[str]:
    """Return the commands that give the user what the connector needs, and no more; they may be repeated."""
    own = [settings.offset_topic, *([history] if history else [])]
    grants = [_acl(settings, "--transactional-id", settings.transactional_id, "Write", "Describe")]
    grants += [
        _acl(settings, "--topic", topic, "Write", "Describe", "DescribeConfigs", "Create", "Read") for topic in own
    ]
    return grants + [
        _acl(settings, "--topic", topic, "Write", "Describe", "DescribeConfigs", "Create") for topic in topics
    ]


def _acl(settings: KafkaSettings, kind: str, name: str, *operations: str) -> str:
    words = " ".join(f"--operation {each}" for each in operations)
    user = settings.security.username or "…"
    return f"{_command('kafka-acls', settings)} --add --allow-principal User:{user} {words} {kind} {name}"


def _alter(settings: KafkaSettings, topic: str, setting: str) -> str:
    return f"{_command('kafka-configs', settings)} --alter --topic {topic} --add-config {setting}"


def _command(tool: str, settings: KafkaSettings) -> str:
    return f"{tool} --bootstrap-server {settings.bootstrap_servers[0]}"


def _listed(topics: Sequence[TopicFacts]) -> str:
    more = f" and {len(topics) - 5} more" if len(topics) > 5 else ""
    return ", ".join(topic.name for topic in topics[:5]) + more


def _transactions(facts: KafkaFacts, settings: KafkaSettings, longest: float) -> Iterator[Finding]:
    error = partial(Finding, "error", "kafka")
    if not facts.id_allowed:
        fact = f"Kafka does not allow the transactional id {settings.transactional_id}"
        remedy = f"Run: {_acl(settings, '--transactional-id', settings.transactional_id, 'Write', 'Describe')}"
        yield error(settings.transactional_id, fact, remedy)
    for setting in ("transaction.state.log.replication.factor", "transaction.state.log.min.isr"):
        wanted = int(facts.broker.get(setting, 0))
        if not facts.transactions and wanted > facts.brokers:
            fact = f"Kafka can have no transactions yet: {setting} is {wanted}, and there are {facts.brokers} brokers"
            yield error(setting, fact, f"Set {setting} on the brokers to at most {facts.brokers}.")
    bound = int(facts.broker.get("transaction.max.timeout.ms", 1 << 31)) / 1000
    if longest > bound:
        fact = f"The brokers allow transactions of {bound:g} s (transaction.max.timeout.ms), and the connector asks for {longest:g} s"
        remedy = f"Set transaction.max.timeout.ms on the brokers to {round(longest * 1000)}."
        yield error("transaction.max.timeout.ms", fact, remedy)


def _rights(topic: TopicFacts, settings: KafkaSettings, *operations: str) -> Iterator[Finding]:
    may_be_missing = not topic.exists or not topic.rights
    needed = (*operations, "Create") if may_be_missing and settings.topics.create else operations
    lacking = topic.lacks(*needed)
    if lacking:
        words = " and ".join(each.upper() for each in lacking)
        remedy = f"Run: {_acl(settings, '--topic', topic.name, *lacking)}"
        yield Finding("error", "kafka", topic.name, f"Kafka does not allow {words} on topic {topic.name}", remedy)


def _missing(facts: KafkaFacts, settings: KafkaSettings) -> Iterator[Finding]:
    for topic in (*facts.tables, *facts.own):
        if topic.refusal and not topic.lacks("Create"):
            remedy = (
                "Check topic.creation.default.* and offset.storage.replication.factor, or create the topic beforehand."
            )
            fact = f"Topic {topic.name} does not exist, and cannot be created: {topic.refusal}"
            yield Finding("error", "topics", topic.name, fact, remedy)
    missing = [topic for topic in facts.tables if not topic.exists and not topic.refusal]
    if missing and settings.topics.create:
        fact = f"Topics are created with the first record: {_listed(missing)}"
        yield Finding("note", "topics", "topic.creation.enable", fact)
    elif missing:
        fact = f"Topics do not exist, and topic.creation.enable is false: {_listed(missing)}"
        remedy = f"Run, for each: {_command('kafka-topics', settings)} --create --topic {missing[0].name}"
        yield Finding("error", "topics", "topic.creation.enable", fact, remedy)


def _offset_topic(topic: TopicFacts, settings: KafkaSettings) -> Iterator[Finding]:
    policy = topic.settings.get("cleanup.policy", "compact")
    if policy != "compact":
        fact = (
            f"Topic {topic.name} has cleanup.policy = {policy}, so the broker would delete the stored offset some day"
        )
        remedy = f"Run: {_alter(settings, topic.name, 'cleanup.policy=compact')}"
        yield Finding("error", "topics", topic.name, fact, remedy)


def _history_topic(topic: TopicFacts, settings: KafkaSettings) -> Iterator[Finding]:
    """Yield what would lose the schema history, or its order."""
    error = partial(Finding, "error", "topics", topic.name)
    if topic.partitions > 1:
        fact = f"Topic {topic.name}, the schema history, has {topic.partitions} partitions, so its order is lost"
        yield error(fact, "Create one with one partition, and build the history anew by snapshot.mode=recovery.")
    policy = topic.settings.get("cleanup.policy", "delete")
    if policy != "delete":
        fact = f"Topic {topic.name}, the schema history, has cleanup.policy = {policy}: its records have no keys, and all are needed"
        yield error(fact, f"Run: {_alter(settings, topic.name, 'cleanup.policy=delete')}")
    for setting in ("retention.ms", "retention.bytes"):
        if (bound := topic.number(setting)) is not None and bound >= 0:
            fact = f"Topic {topic.name}, the schema history, has {setting} = {bound}: definitions that are needed are deleted some day"
            yield error(fact, f"Run: {_alter(settings, topic.name, f'{setting}=-1')}")


def _keyless(topic: TopicFacts, settings: KafkaSettings, *, keyed: bool) -> Iterator[Finding]:
    if keyed or not topic.exists:
        return
    if "compact" in topic.settings.get("cleanup.policy", ""):
        fact = f"Topic {topic.name} is compacted, and its table has no key: the broker refuses records without key"
        remedy = f"Give the table a primary key, or run: {_alter(settings, topic.name, 'cleanup.policy=delete')}"
        yield Finding("error", "topics", topic.name, fact, remedy)
    if topic.partitions > 1:
        fact = f"Topic {topic.name} has {topic.partitions} partitions, and its table has no key: changes of a row are not in order"
        yield Finding("note", "topics", topic.name, fact, "Give the table a primary key.")


def _retention(topics: Iterable[TopicFacts]) -> Iterator[Finding]:
    forgetting = [topic for topic in topics if "delete" in topic.settings.get("cleanup.policy", "")]
    by_time: dict[int, list[TopicFacts]] = {}
    for topic in forgetting:
        if (time := topic.number("retention.ms")) is not None and time >= 0:
            by_time.setdefault(time, []).append(topic)
    for time, found in sorted(by_time.items()):
        level: Level = "warning" if time < SHORT_RETENTION else "note"
        fact = f"Records are deleted after {time / 3_600_000:g} h (retention.ms = {time}), those of the snapshot too: {_listed(found)}"
        remedy = "If consumers are to find whole tables: cleanup.policy=compact, or retention.ms=-1."
        yield Finding(level, "topics", "retention.ms", fact, remedy)


def _sizes(facts: KafkaFacts, settings: KafkaSettings) -> Iterator[Finding]:
    wanted = settings.max_request_bytes
    by_size: dict[int, list[TopicFacts]] = {}
    for topic in facts.tables:
        default = settings.topics.configs.get("max.message.bytes") or facts.broker.get("message.max.bytes")
        size = topic.number("max.message.bytes") if topic.exists else int(default) if default else None
        if size is not None and size < wanted:
            by_size.setdefault(size, []).append(topic)
    for size, found in sorted(by_size.items()):
        fact = f"Topics take records of {size} bytes (max.message.bytes), and max.request.size is {wanted}: a larger row stops the stream: {_listed(found)}"
        remedy = f"Run, for each: {_alter(settings, found[0].name, f'max.message.bytes={wanted}')}"
        if not found[0].exists:
            remedy = f"Set topic.creation.default.max.message.bytes to {wanted}."
        yield Finding("warning", "topics", "max.message.bytes", fact, remedy)


def _replicas(topics: Iterable[TopicFacts], settings: KafkaSettings, brokers: int) -> Iterator[Finding]:
    for topic in topics:
        least = topic.number("min.insync.replicas")
        if least is None:
            continue
        if least > topic.replicas:
            fact = f"Topic {topic.name} takes no record: min.insync.replicas is {least}, and it has {topic.replicas} replicas"
            remedy = f"Run: {_alter(settings, topic.name, f'min.insync.replicas={topic.replicas}')}"
            yield Finding("error", "topics", topic.name, fact, remedy)
        elif topic.replicas > 1 and least == 1:
            fact = f"Topic {topic.name} has {topic.replicas} replicas and min.insync.replicas = 1: what one broker alone has may be lost"
            remedy = f"Run: {_alter(settings, topic.name, 'min.insync.replicas=2')}"
            yield Finding("warning", "topics", topic.name, fact, remedy)
        elif topic.replicas == 1 and brokers > 1:
            fact = f"Topic {topic.name} has one replica: it is lost with its broker, and the stream stands while that is away"
            remedy = f"Raise it to {min(brokers, 3)} with kafka-reassign-partitions."
            yield Finding("warning", "topics", topic.name, fact, remedy)


class _MetadataResponse(Response):
    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            Array(("node_id", Int32), ("host", String("utf-8")), ("port", Int32), ("rack", String("utf-8"))),
        ),
        ("cluster_id", String("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("topic", String("utf-8")),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", Array(Int32)),
                        ("isr", Array(Int32)),
                        ("offline_replicas", Array(Int32)),
                    ),
                ),
                ("authorized_operations", Int32),
            ),
        ),
        ("cluster_authorized_operations", Int32),
    )


class _MetadataStruct(RequestStruct):
    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = _MetadataResponse
    SCHEMA = Schema(
        ("topics", Array(String("utf-8"))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
    )


class _MetadataRequest(Request[_MetadataStruct]):
    """The metadata with what the user may do, version 8, which brokers have since Kafka 2.3."""

    API_KEY = 3

    def __init__(self, topics: Sequence[str]) -> None:
        self._topics = list(topics)

    def build(self, request_struct_class: type[_MetadataStruct]) -> _MetadataStruct:
        return request_struct_class(self._topics, False, False, True)


async def _read(settings: KafkaSettings, topics: Sequence[str], history: str) -> KafkaFacts:
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
        metadata = await self._ask(_MetadataRequest(asked))
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
