"""aiokafka's producers, able to give up and to end at once: the one module that knows the insides of aiokafka.

Written against aiokafka 0.14, which is pinned.
"""

from __future__ import annotations

import asyncio
from asyncio import Future, Task
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final, cast

from aiokafka import AIOKafkaProducer, TopicPartition, errors
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.producer import sender as aiokafka_sender
from aiokafka.producer.sender import Sender
from aiokafka.producer.transaction_manager import TransactionManager, TransactionState

from cdc.kafka.client import abort
from cdc.kafka.failure import ResultUnknownError
from cdc.kafka.ownership import AbortHandler, Claim, ClaimHandler
from cdc.kafka.record_batch import PartitionBatch

# After a commit the coordinator still writes the markers of that transaction, and answers CONCURRENT_TRANSACTIONS to the next one
# (KAFKA-5477). aiokafka then waits 20 ms; the markers take about one, so the pause was most of the latency: 23.8 ms → 3.9 ms.
MARKER_PAUSE: Final = 0.001
CLOSE_SECONDS: Final = 1.0
ABORT_SECONDS: Final = 1.5
if hasattr(aiokafka_sender, "BACKOFF_OVERRIDE"):
    aiokafka_sender.BACKOFF_OVERRIDE = MARKER_PAUSE

_CUT_OFF: Final = (
    errors.CorrelationIdError,
    errors.KafkaConnectionError,
    errors.NodeNotReadyError,
    errors.RequestTimedOutError,
)


class Producer(AIOKafkaProducer):
    """A transactional producer that never repeats a request whose result is unknown.

    aiokafka repeats such requests without end. A delayed first attempt may then end the next transaction (KAFKA-17754), and nobody is
    told that the broker is gone. Here the first lost request fails everything that waits, by `ResultUnknownError`.
    With a `claim`, it starts only if nobody else has started since (see `cdc.kafka.ownership`).
    """

    def __init__(
        self, *, transactional_id: str, transaction_timeout_ms: int, claim: Claim | None = None, **arguments: Any
    ) -> None:
        super().__init__(transactional_id=transactional_id, transaction_timeout_ms=transaction_timeout_ms, **arguments)
        self.requests = _SenderClient(self.client)
        self._txn_manager = _Transactions(transactional_id, transaction_timeout_ms)
        self._message_accumulator._txn_manager = self._txn_manager
        self._sender: _Sender = _Sender(
            self.requests,
            acks=-1,
            txn_manager=self._txn_manager,
            message_accumulator=self._message_accumulator,
            retry_backoff_ms=100,
            request_timeout_ms=self._request_timeout_ms,
        )
        self._sender.claim = claim

    async def start(self) -> None:
        """Connect and fence: on return every older producer of this transactional id is shut out, its transaction ended.

        Raises:
            ProducerFenced: there is a younger one than that of the claim.
        """
        self._txn_manager._transaction_waiter = asyncio.get_running_loop().create_future()
        await super().start()

    async def submit(self, batch: PartitionBatch) -> Future[Any]:
        """Put a batch in the queue of its partition, which takes one at a time; return the future of its delivery."""
        timeout = self._request_timeout_ms / 1000
        try:
            where = TopicPartition(batch.topic, batch.partition)
            delivery: Future[Any] = await self._message_accumulator.add_batch(batch, where, timeout)
        except AssertionError as error:  # it is not in a transaction any more: `failure` or `refusal` says why
            raise ResultUnknownError("the transaction has ended") from error
        return delivery

    @property
    def identity(self) -> tuple[int, int]:
        """The producer id and epoch that the broker has given out."""
        return self._txn_manager.producer_id, self._txn_manager.producer_epoch

    @property
    def alive(self) -> bool:
        """Whether requests can still be sent."""
        task = self._sender.sender_task
        return not self._closed and task is not None and not task.done() and not self._txn_manager.is_fatal_error()

    @property
    def failure(self) -> BaseException | None:
        """Why requests can no longer be sent, or None."""
        task = self._sender.sender_task
        return task.exception() if task is not None and task.done() and not task.cancelled() else None

    @property
    def refusal(self) -> BaseException | None:
        """Why the present transaction can only be aborted, or None."""
        outcome = cast("Future[None]", self._txn_manager._transaction_waiter)
        return outcome.exception() if self._state is TransactionState.ABORTABLE_ERROR else None

    @property
    def can_abort(self) -> bool:
        """Whether a transaction is open whose end was not asked for yet."""
        return self.alive and self._state in {TransactionState.IN_TRANSACTION, TransactionState.ABORTABLE_ERROR}

    @property
    def _state(self) -> TransactionState:
        return self._txn_manager.state

    async def leave(self) -> None:
        """Abort what is open, if that is quick, and end."""
        try:
            if self.can_abort:
                async with asyncio.timeout(ABORT_SECONDS):
                    await self.abort_transaction()
        except (errors.KafkaError, ResultUnknownError, TimeoutError):
            pass  # nothing is lost: the coordinator aborts it
        finally:
            await self.end()

    async def end(self) -> None:
        """Drop what is not delivered, end all tasks, and close the connections without waiting for the broker."""
        self._closed = True
        await self._sender.end()
        _forget(_batch_futures(self._message_accumulator))
        _forget([self._txn_manager._transaction_waiter])
        for connection in self.client._conns.values():
            abort(connection)
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.client.close()


class PlainProducer(AIOKafkaProducer):
    """An idempotent producer without transactions, able to end at once.

    It repeats requests without end, which the broker recognises; whoever does not want to wait ends it.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__(acks="all", enable_idempotence=True, **arguments)

    async def end(self) -> None:
        """Drop what is not delivered, end all tasks, and close the connections without waiting for the broker; may be called again."""
        self._closed = True
        for connection in self.client._conns.values():
            abort(connection)
        await self._end_sender(self._sender.sender_task)
        _keep_pending(self._message_accumulator)
        self._message_accumulator.fail_all(errors.KafkaConnectionError("the producer has ended"))
        _forget(_batch_futures(self._message_accumulator))
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.client.close()

    async def _end_sender(self, sender: Task[Any] | None) -> None:
        """Cancel the sender, which then waits for its requests, and once more, which ends these too."""
        for _ in range(3):
            if sender is None or sender.done():
                break
            sender.cancel()
            await asyncio.wait({sender}, timeout=0.3)


class _Transactions(TransactionManager):
    """aiokafka's view of the transaction, with sequence numbers that go on from 0 after 2³¹ - 1, as the broker expects.

    aiokafka's become negative, which the broker refuses: after 2³¹ records to one partition, three hours at 200,000 a second.
    """

    def increment_sequence_number(self, tp: TopicPartition, increment: int) -> None:
        self._sequence_numbers[tp] = (self._sequence_numbers[tp] + increment) & 0x7FFFFFFF


class _SenderClient:
    """The client as the sender sees it: a request that is cut off is not for the sender to repeat."""

    def __init__(self, client: AIOKafkaClient) -> None:
        self._client = client
        self.no_coordinator = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def send(self, node_id: int, request: Any, **options: Any) -> Any:
        try:
            return await self._client.send(node_id, request, **options)
        except _CUT_OFF as error:
            raise ResultUnknownError(type(request).__name__) from error

    async def coordinator_lookup(self, kind: int, key: str) -> int:
        self.no_coordinator = True
        try:
            node: int = await self._client.coordinator_lookup(kind, key)
        except AssertionError as error:
            # It asks any broker, and the metadata may name none while the cluster comes back.
            raise ResultUnknownError("FindCoordinatorRequest") from error
        self.no_coordinator = False
        return node


class _Sender(Sender):
    """aiokafka's sender, which keeps hold of the tasks that it starts, and starts by a claim if there is one."""

    def __init__(self, client: _SenderClient, **arguments: Any) -> None:
        super().__init__(client, **arguments)
        self.claim: Claim | None = None
        self._tasks: set[Task[Any]] = set()

    async def _do_init_pid(self, node_id: int) -> bool:
        if self.claim is None:
            return bool(await super()._do_init_pid(node_id))
        if not await AbortHandler(self, self.claim).do(node_id):
            self._coordinator_dead(CoordinationType.TRANSACTION)
            return False
        return bool(await ClaimHandler(self, self.claim).do(node_id))

    def _keep(self, task: Task[Any] | None) -> None:
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _maybe_do_transactional_request(self) -> Task[Any] | None:
        task: Task[Any] | None = super()._maybe_do_transactional_request()
        self._keep(task)
        return task

    async def _send_produce_req(self, node_id: int, batches: Any) -> None:
        self._keep(asyncio.current_task())
        await super()._send_produce_req(node_id, batches)

    async def end(self) -> None:
        """Cancel everything; the sender itself only waits for its requests when it is cancelled, so it is asked twice."""
        for _ in range(3):
            tasks = {*self._tasks, self.sender_task} - {None}
            for task in tasks:
                task.cancel()
            if not tasks:
                return
            done, _pending = await asyncio.wait(tasks, timeout=0.3)
            for task in done:
                with suppress(asyncio.CancelledError):
                    task.exception()
            if done == tasks:
                return


def _forget(futures: Iterable[Future[Any] | None]) -> None:
    """Mark exceptions as seen, which asyncio would report otherwise: they have been raised elsewhere."""
    for future in futures:
        if future is not None and future.done() and not future.cancelled():
            future.exception()


def _keep_pending(accumulator: Any) -> None:
    """Count batches that are to be sent again as pending: their callback takes them from there when they fail."""
    accumulator._pending_batches.update(batch for batches in accumulator._batches.values() for batch in batches)


def _batch_futures(accumulator: Any) -> list[Future[Any]]:
    waiting = [batch for batches in accumulator._batches.values() for batch in batches]
    return [
        future for batch in (*waiting, *accumulator._pending_batches) for future in (batch.future, batch._drain_waiter)
    ]
