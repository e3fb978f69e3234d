"""What the topics of a connector mean for it: those that are missing, how long records stay, how large they may be, what a broker may lose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from cdc.config.settings import KafkaSettings
from cdc.kafka.doctor.commands import alter, command
from cdc.kafka.doctor.facts import KafkaFacts, TopicFacts
from cdc.model.finding import Finding, Level

SHORT_RETENTION: Final = 86_400_000


def topic_findings(facts: KafkaFacts, keyed: Mapping[str, bool], settings: KafkaSettings) -> Iterator[Finding]:
    """Yield what the facts mean for the topics; `keyed` says of each table's topic whether its records have keys."""
    yield from _missing(facts, settings)
    yield from _offset_topic(facts.offsets, settings)
    if facts.history is not None:
        yield from _history_topic(facts.history, settings)
    for topic in facts.tables:
        yield from _keyless(topic, settings, keyed=keyed[topic.name])
    yield from _retention(facts.tables)
    yield from _sizes(facts, settings)
    yield from _replicas([*facts.tables, *facts.own], settings, facts.brokers)


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
        remedy = f"Run, for each: {command('kafka-topics', settings)} --create --topic {missing[0].name}"
        yield Finding("error", "topics", "topic.creation.enable", fact, remedy)


def _offset_topic(topic: TopicFacts, settings: KafkaSettings) -> Iterator[Finding]:
    policy = topic.settings.get("cleanup.policy", "compact")
    if policy != "compact":
        fact = (
            f"Topic {topic.name} has cleanup.policy = {policy}, so the broker would delete the stored offset some day"
        )
        remedy = f"Run: {alter(settings, topic.name, 'cleanup.policy=compact')}"
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
        yield error(fact, f"Run: {alter(settings, topic.name, 'cleanup.policy=delete')}")
    for setting in ("retention.ms", "retention.bytes"):
        if (bound := topic.number(setting)) is not None and bound >= 0:
            fact = f"Topic {topic.name}, the schema history, has {setting} = {bound}: definitions that are needed are deleted some day"
            yield error(fact, f"Run: {alter(settings, topic.name, f'{setting}=-1')}")


def _keyless(topic: TopicFacts, settings: KafkaSettings, *, keyed: bool) -> Iterator[Finding]:
    if keyed or not topic.exists:
        return
    if "compact" in topic.settings.get("cleanup.policy", ""):
        fact = f"Topic {topic.name} is compacted, and its table has no key: the broker refuses records without key"
        remedy = f"Give the table a primary key, or run: {alter(settings, topic.name, 'cleanup.policy=delete')}"
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
        remedy = f"Run, for each: {alter(settings, found[0].name, f'max.message.bytes={wanted}')}"
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
            remedy = f"Run: {alter(settings, topic.name, f'min.insync.replicas={topic.replicas}')}"
            yield Finding("error", "topics", topic.name, fact, remedy)
        elif topic.replicas > 1 and least == 1:
            fact = f"Topic {topic.name} has {topic.replicas} replicas and min.insync.replicas = 1: what one broker alone has may be lost"
            remedy = f"Run: {alter(settings, topic.name, 'min.insync.replicas=2')}"
            yield Finding("warning", "topics", topic.name, fact, remedy)
        elif topic.replicas == 1 and brokers > 1:
            fact = f"Topic {topic.name} has one replica: it is lost with its broker, and the stream stands while that is away"
            remedy = f"Raise it to {min(brokers, 3)} with kafka-reassign-partitions."
            yield Finding("warning", "topics", topic.name, fact, remedy)


def _listed(topics: Sequence[TopicFacts]) -> str:
    more = f" and {len(topics) - 5} more" if len(topics) > 5 else ""
    return ", ".join(topic.name for topic in topics[:5]) + more
