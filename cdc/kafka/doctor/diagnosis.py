"""The examination of a Kafka cluster for one connector; nothing is created or changed there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Final

from aiokafka import errors

from cdc.config.settings import KafkaSettings
from cdc.errors import CdcError
from cdc.kafka.consumer import read_topics
from cdc.kafka.doctor.commands import acl
from cdc.kafka.doctor.facts import KafkaFacts, TopicFacts
from cdc.kafka.doctor.reader import read_facts
from cdc.kafka.doctor.topics import topic_findings
from cdc.kafka.offsets import decode_key, decode_value
from cdc.model.finding import Finding
from cdc.offsets.base import SourceOffset, SourcePartition

#: How long the end of the offset topic is waited for, in seconds.
PATIENCE: Final = 15.0


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
        facts = await read_facts(settings, list(topics), history)
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
    yield from topic_findings(facts, topics, settings)


def _transactions(facts: KafkaFacts, settings: KafkaSettings, longest: float) -> Iterator[Finding]:
    error = partial(Finding, "error", "kafka")
    if not facts.id_allowed:
        fact = f"Kafka does not allow the transactional id {settings.transactional_id}"
        remedy = f"Run: {acl(settings, '--transactional-id', settings.transactional_id, 'Write', 'Describe')}"
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
        remedy = f"Run: {acl(settings, '--topic', topic.name, *lacking)}"
        yield Finding("error", "kafka", topic.name, f"Kafka does not allow {words} on topic {topic.name}", remedy)
