"""The committed offsets of a consumer group whose members are gone: read, stored, removed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, errors
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import DeleteGroupsRequest

from cdc.config.settings import KafkaSettings
from cdc.errors import KafkaRefused, KafkaUnavailable
from cdc.kafka.client import client_arguments, probe
from cdc.model.connect_record import TopicPartition

COMMIT_SECONDS: Final = 15.0
COORDINATOR_TRIES: Final = 100
COORDINATOR_PAUSE: Final = 0.1
_NOT_FOUND: Final = errors.GroupIdNotFound.errno


async def committed_offsets(settings: KafkaSettings, group: str) -> dict[TopicPartition, int]:
    """Return what the group has committed, by partition, in order; nothing for a group that does not exist.

    Raises:
        KafkaUnavailable, KafkaRefused: as the broker is.
    """
    async with _admin(settings) as admin:
        node = await _coordinator(admin, group)
        found = await admin.list_consumer_group_offsets(group, group_coordinator_id=node)
    return {TopicPartition(p.topic, p.partition): meta.offset for p, meta in sorted(found.items()) if meta.offset >= 0}


async def store_offsets(settings: KafkaSettings, group: str, offsets: Mapping[TopicPartition, int]) -> None:
    """Commit offsets for a group that has no members.

    Raises:
        KafkaRefused: it still has members, or there is no such topic.
        KafkaUnavailable: no broker answers.
    """
    arguments = await client_arguments(settings)
    await probe(settings, arguments)
    consumer = AIOKafkaConsumer(**arguments, group_id=group, enable_auto_commit=False)
    try:
        with _explained(group):
            await consumer.start()
            await _check_partitions(consumer, offsets)
            consumer.assign([KafkaPartition(p.topic, p.partition) for p in offsets])
            async with asyncio.timeout(COMMIT_SECONDS):
                await consumer.commit({KafkaPartition(p.topic, p.partition): offset for p, offset in offsets.items()})
    finally:
        await consumer.stop()


async def _check_partitions(consumer: AIOKafkaConsumer, offsets: Mapping[TopicPartition, int]) -> None:
    """Raise KafkaRefused for partitions that do not exist: the consumer would make the topic, or ask for the partition without end."""
    cluster = await consumer._client.fetch_all_metadata()
    for each in offsets:
        if each.partition not in (cluster.partitions_for_topic(each.topic) or ()):
            raise KafkaRefused(
                f"Kafka has no partition {each.partition} of topic {each.topic}", "Name one that exists."
            )


async def remove_offsets(settings: KafkaSettings, group: str) -> None:
    """Delete a group that has no members, with its offsets; none that does not exist is fine.

    Raises:
        KafkaRefused: it still has members, or may not be deleted.
        KafkaUnavailable: no broker answers.
    """
    async with _admin(settings) as admin:
        node = await _coordinator(admin, group)
        response: Any = await admin._send_request_to_node(node, DeleteGroupsRequest([group]))
        for _name, code in response.results:
            if code not in {0, _NOT_FOUND}:
                with _explained(group):
                    raise errors.for_code(code)


async def _coordinator(admin: AIOKafkaAdminClient, group: str) -> int:
    """Return the broker that keeps the group; a new cluster makes the topic of groups when it is asked first, which takes seconds."""
    for _ in range(COORDINATOR_TRIES):
        try:
            return int(await admin.find_coordinator(group))
        except errors.GroupCoordinatorNotAvailableError:
            await asyncio.sleep(COORDINATOR_PAUSE)
    return int(await admin.find_coordinator(group))


@asynccontextmanager
async def _admin(settings: KafkaSettings) -> AsyncIterator[AIOKafkaAdminClient]:
    arguments = await client_arguments(settings)
    await probe(settings, arguments)
    admin = AIOKafkaAdminClient(**arguments)
    try:
        await admin.start()
        with _explained(""):
            yield admin
    finally:
        await admin.close()


@contextmanager
def _explained(group: str) -> Iterator[None]:
    try:
        yield
    except (errors.CommitFailedError, errors.UnknownMemberIdError, errors.NonEmptyGroup) as error:
        raise KafkaRefused(
            f"the consumer group {group} still has members", "Stop whatever reads with it, and try again in a moment."
        ) from error
    except errors.UnknownTopicOrPartitionError as error:
        raise KafkaRefused(f"Kafka knows no such topic or partition: {error}", "Name ones that exist.") from error
    except errors.GroupAuthorizationFailedError as error:
        raise KafkaRefused(
            f"Kafka does not allow using the consumer group {group}", "Grant the user the ACLs READ and DELETE on it."
        ) from error
    except TimeoutError as error:
        raise KafkaUnavailable(
            f"Kafka did not answer about the group {group} in time", "It may be tried again."
        ) from error
    except errors.KafkaError as error:
        raise KafkaUnavailable(
            f"Kafka did not answer about the group {group}: {error}", "It may be tried again."
        ) from error
