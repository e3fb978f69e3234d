"""A schema history in a topic of one partition, as Debezium's KafkaSchemaHistory keeps it: no keys, JSON as values."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from cdc.config.settings import KafkaSettings
from cdc.errors import HistoryUnreadable
from cdc.history.records import HistoryRecord
from cdc.kafka.consumer import read_topics
from cdc.kafka.topics import NewTopic
from cdc.model.records import RecordBatch

if TYPE_CHECKING:
    from cdc.kafka.publisher import TransactionalPublisher


def history_topic(name: str) -> NewTopic:
    """Return the topic of a history as it is to be made: of one partition, for order, and kept for ever."""
    return NewTopic(name, 1, configs={"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"})


class KafkaSchemaHistory:
    """The schema history of one connector; a `SchemaHistory` that shares the transaction of the offset.

    `record` adds to the transaction that the publisher has open, so that a statement is in the history exactly if the offset behind it is
    stored. It is called between `publisher.begin()` and the `publisher.commit` with that offset. `records` must come after
    `publisher.start()`, as for the offsets: that ends what an earlier instance left open. It reads committed records only, to the end
    that the topic has then. The topic has to have one partition and keep its records for ever. Without a publisher it is only read, and `batch` makes
    what somebody else sends in the transaction.
    """

    def __init__(self, settings: KafkaSettings, topic: str, publisher: TransactionalPublisher | None = None) -> None:
        self._settings = settings
        self._topic = topic
        self._publisher = publisher

    async def record(self, records: Sequence[HistoryRecord]) -> None:
        """Add records to the open transaction.

        Raises:
            SinkError: as `TransactionalPublisher.send`.
        """
        if self._publisher is None:
            raise RuntimeError("the history is only read")
        if records:
            await self._publisher.send(self.batch(records))

    def batch(self, records: Sequence[HistoryRecord]) -> RecordBatch:
        """Return the Kafka records of history records."""
        batch = RecordBatch()
        batch.timestamp_ms = time.time_ns() // 1_000_000
        batch.partition = 0
        for record in records:
            batch.add(self._topic, None, record.encode())
        return batch

    async def records(self) -> AsyncIterator[HistoryRecord]:
        """Yield all committed records, the oldest first; none if there is no topic. Empty ones are passed over, as by Debezium.

        Raises:
            HistoryUnreadable: the topic has more than one partition, or a record is none.
            KafkaUnavailable: the topic could not be read to the end.
            KafkaRefused: it may not be read.
        """
        patience = self._settings.transaction_timeout + self._settings.request_timeout
        async with aclosing(read_topics(self._settings, [self._topic], patience=patience)) as found:
            async for record in found:
                if record.partition:
                    fact = f"The schema history {self._topic} has more than one partition, so its order is lost"
                    remedy = "Create a topic with one partition, and build the history anew by snapshot.mode=recovery."
                    raise HistoryUnreadable(fact, remedy)
                if record.value is None:
                    continue  # written behind a transaction for Debezium, which does not find the end of the topic else
                where = f"topic {self._topic} at offset {record.offset}"
                yield HistoryRecord.decode(record.value, where)
