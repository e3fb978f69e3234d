"""Which Kafka cluster it is."""

from __future__ import annotations

from aiokafka import errors
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.metadata import MetadataRequest

from cdc.config.settings import KafkaSettings
from cdc.errors import KafkaUnavailable
from cdc.kafka.client import client_arguments, probe


async def cluster_id(settings: KafkaSettings) -> str:
    """Return the cluster's id, as its brokers tell it.

    Raises:
        KafkaUnavailable: no broker answers.
        KafkaRefused: one answers, but not to us.
    """
    arguments = await client_arguments(settings)
    await probe(settings, arguments)
    client = AIOKafkaClient(**arguments)
    try:
        await client.bootstrap()
        response = await client.send(client.get_random_node(), MetadataRequest([]))
        return str(response.cluster_id)
    except errors.KafkaError as error:
        raise KafkaUnavailable(f"Kafka does not tell its cluster id: {error}", "It may be tried again.") from error
    finally:
        await client.close()
