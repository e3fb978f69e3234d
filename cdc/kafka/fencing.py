"""Shutting out producers by their transactional ids, as Kafka's `Admin.fenceProducers` does (KIP-588)."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Final

from aiokafka import errors
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.protocol.transaction import InitProducerIdRequest

from cdc.config.settings import KafkaSettings
from cdc.errors import KafkaRefused, KafkaUnavailable
from cdc.kafka.client import abort, client_arguments, probe

PAUSE: Final = 0.05
CLOSE_SECONDS: Final = 2.0
# Answers that another attempt may not get: UNKNOWN_SERVER_ERROR, which a broker gives while another producer of the id is just being let
# in; COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR; INVALID_PRODUCER_EPOCH, CONCURRENT_TRANSACTIONS and
# PRODUCER_FENCED, while what was open is still being ended.
_UNDECIDED: Final = frozenset({-1, 14, 15, 16, 47, 51, 90})


async def fence(settings: KafkaSettings, transactional_ids: Collection[str]) -> None:
    """Shut out every producer that has started with one of the ids before; on return, their open transactions are aborted.

    One that starts meanwhile may be shut out too. Takes at most 10 seconds for each bootstrap server that is silent, and
    `request_timeout` seconds then.

    Raises:
        KafkaUnavailable: a broker is away; some of the ids may be shut out.
        KafkaRefused: the login is refused, or an id may not be used.
    """
    if not transactional_ids:
        return
    arguments = await client_arguments(settings)
    await probe(settings, arguments)
    client = AIOKafkaClient(**arguments)
    try:
        async with asyncio.timeout(settings.request_timeout):
            await client.bootstrap()
            await _fence(client, set(transactional_ids), round(settings.transaction_timeout * 1000))
    except TimeoutError as error:
        fact = f"Kafka did not shut out earlier producers within {settings.request_timeout:g} s"
        raise KafkaUnavailable(fact, "It may be tried again.") from error
    except (errors.KafkaError, AssertionError) as error:  # aiokafka asserts that it knows a broker
        words = " ".join(str(argument) for argument in error.args) or type(error).__name__
        fact = f"Earlier producers could not be shut out of Kafka: {words}"
        raise KafkaUnavailable(fact, "It may be tried again.") from error
    finally:
        await _close(client)


async def _fence(client: AIOKafkaClient, remaining: set[str], timeout_ms: int) -> None:
    """Ask for each id, round by round, until all are shut out: the broker aborts what is open in the meantime."""
    while True:
        for transactional_id in sorted(remaining):
            if await _is_fenced(client, transactional_id, timeout_ms):
                remaining.discard(transactional_id)
        if not remaining:
            return
        await asyncio.sleep(PAUSE)


async def _is_fenced(client: AIOKafkaClient, transactional_id: str, timeout_ms: int) -> bool:
    """Take the id; tell whether everything that was done by it has ended.

    A request that is cut off is not repeated: a delayed first one could shut out a producer that has started after this.
    """
    try:
        coordinator = await client.coordinator_lookup(CoordinationType.TRANSACTION, transactional_id)
    except (errors.CoordinatorNotAvailableError, errors.CoordinatorLoadInProgressError):
        return False
    except errors.TransactionalIdAuthorizationFailed as error:
        raise _unauthorised(transactional_id) from error
    response = await client.send(coordinator, InitProducerIdRequest(transactional_id, timeout_ms))
    code = response.error_code
    if code and code not in _UNDECIDED:
        raise _refused(errors.for_code(code), transactional_id)
    return not code


def _refused(kind: type[Exception], transactional_id: str) -> KafkaRefused:
    if kind is errors.TransactionalIdAuthorizationFailed:
        return _unauthorised(transactional_id)
    fact = f"Kafka does not shut out earlier producers of {transactional_id}: {kind.__name__}"
    return KafkaRefused(fact, "The broker's log says why.")


def _unauthorised(transactional_id: str) -> KafkaRefused:
    remedy = "Grant the user the ACLs WRITE and DESCRIBE on it (kafka-acls --add --producer --transactional-id …)."
    return KafkaRefused(f"Kafka does not allow the transactional id {transactional_id}", remedy)


async def _close(client: AIOKafkaClient) -> None:
    for connection in client._conns.values():
        abort(connection)
    await asyncio.wait({asyncio.ensure_future(client.close())}, timeout=CLOSE_SECONDS)
