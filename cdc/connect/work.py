"""What the tasks of each kind of connector do, made anew for every start."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from cdc.config.connector import ConnectorConfig
from cdc.config.settings import KafkaSettings, PipelineSettings
from cdc.connect.batch_encoding import batch_encoders
from cdc.connect.conversion import Conversion
from cdc.connect.dead_letters import DeadLetterQueue
from cdc.connect.encoding import RecordEncoder
from cdc.connect.herder import TaskId
from cdc.connect.sink_task import SinkRecordReader, WorkerSinkTask
from cdc.connect.source_task import SourceTaskSession
from cdc.connect.tolerance import ErrorSettings, Tolerance
from cdc.errors import KafkaUnavailable
from cdc.kafka.dead_letters import KafkaDeadLetterWriter
from cdc.kafka.group import GroupConsumer, GroupSettings
from cdc.kafka.offsets import KafkaOffsetStore
from cdc.kafka.ownership import Claim
from cdc.kafka.publisher import TransactionalPublisher
from cdc.model.position import Offset
from cdc.offsets.base import SourcePartition
from cdc.pipeline.assembly import build_pipeline
from cdc.pipeline.engine import Pipeline
from cdc.pipeline.status import PipelineStatus
from cdc.sinks.base import RetryLater, SinkTask
from cdc.sources.connector import Properties, SourceTask

#: Waited for from the beginning: where Kafka is, the worker knows and not the connector.
OUTAGES: Final = (KafkaUnavailable,)

Verify = Callable[[], Awaitable[None]]


class PipelineWork:
    """The whole path from a database's log to Kafka, as `cdc-stream run` runs it."""

    def __init__(self, config: ConnectorConfig, encoder: RecordEncoder, verify: Verify | None = None) -> None:
        """Take the connector, and the encoder of its rows; the transforms are closed when it ends. `verify` is as for `Host.work`."""
        self._chain = encoder.conversion.chain
        new_encoder = batch_encoders(encoder, by_record=config.by_record)
        self._pipeline = build_pipeline(
            config, outages=OUTAGES, new_encoder=new_encoder, columns=encoder.conversion.columns, verify=verify
        )
        self._pipeline.status.counts.errors = encoder.tolerance.counts

    @property
    def status(self) -> PipelineStatus:
        """See `Work.status`."""
        return self._pipeline.status

    @property
    def topics(self) -> set[str]:
        """See `Work.topics`."""
        return self._pipeline.status.topics

    async def run(self) -> None:
        """See `Work.run`."""
        try:
            await self._pipeline.run()
        finally:
            self._chain.close()


class SourceWork:
    """A source task that hands over records; after an outage a new task begins from the stored offsets."""

    def __init__(
        self,
        connector: str,
        new_task: Callable[[], SourceTask],
        properties: Properties,
        *,
        kafka: KafkaSettings,
        encoder: RecordEncoder,
        settings: PipelineSettings,
        verify: Verify | None = None,
    ) -> None:
        """Take what every session of the task shares; `encoder` and `kafka` are the task's own, `verify` is as for `Host.work`."""
        self._verify = verify
        self._connector = connector
        self._new_task = new_task
        self._properties = properties
        self._kafka = kafka
        self._encoder = encoder
        self._claim: Callable[[], Claim | None] = lambda: None
        self._pipeline = Pipeline(self._session, settings, outages=OUTAGES)
        self._pipeline.status.counts.errors = encoder.tolerance.counts

    @property
    def status(self) -> PipelineStatus:
        """See `Work.status`."""
        return self._pipeline.status

    @property
    def topics(self) -> set[str]:
        """See `Work.topics`."""
        return self._pipeline.status.topics

    async def run(self) -> None:
        """See `Work.run`."""
        try:
            await self._pipeline.run()
        finally:
            self._encoder.conversion.chain.close()

    def _session(self, status: PipelineStatus) -> SourceTaskSession:
        publisher = TransactionalPublisher(self._kafka, self._connector, claim=self._claim(), verify=self._verify)
        self._claim = lambda: publisher.claim
        return SourceTaskSession(
            task=self._new_task(),
            properties=self._properties,
            publisher=publisher,
            load_offsets=self._loader(publisher),
            encoder=self._encoder,
            status=status,
            clock=time.monotonic,
            transaction_timeout=self._kafka.transaction_timeout,
        )

    def _loader(
        self, publisher: TransactionalPublisher
    ) -> Callable[[], Awaitable[Sequence[tuple[SourcePartition, Offset]]]]:
        return KafkaOffsetStore(self._kafka, self._connector, publisher).load_all


@dataclass(frozen=True, slots=True)
class SinkPlan:
    """What every run of a sink task shares; `new_task` and `new_conversion` make what each has for itself."""

    id: TaskId
    new_task: Callable[[], SinkTask]
    new_conversion: Callable[[], Conversion]
    properties: Properties
    kafka: KafkaSettings
    group: GroupSettings
    errors: ErrorSettings
    topics: Collection[str] | re.Pattern[str]
    flush_interval: float
    grace: float


class SinkWork:
    """A sink task in its consumer group; after an outage that the client does not mend by itself, a new task begins."""

    def __init__(self, plan: SinkPlan) -> None:
        self._plan = plan
        self._pipeline = Pipeline(self._session, PipelineSettings(), outages=(*OUTAGES, RetryLater))
        self._pipeline.status.limit = plan.group.max_poll_interval

    @property
    def status(self) -> PipelineStatus:
        """See `Work.status`."""
        return self._pipeline.status

    @property
    def topics(self) -> set[str]:
        """See `Work.topics`."""
        return self._pipeline.status.topics

    async def run(self) -> None:
        """See `Work.run`."""
        await self._pipeline.run()

    def _session(self, status: PipelineStatus) -> SinkSession:
        return SinkSession(self._plan, status)


@dataclass(frozen=True, slots=True)
class SinkSession:
    """One run of a sink task, with its dead letters; `status` is told how it goes."""

    plan: SinkPlan
    status: PipelineStatus

    async def run(self) -> None:
        """Run until cancelled, or raise why it cannot go on."""
        dead_letters = self._dead_letters()
        try:
            if dead_letters is not None:
                await dead_letters.start()
            await self._task(dead_letters).run()
        finally:
            if dead_letters is not None:
                await dead_letters.stop()

    def _dead_letters(self) -> KafkaDeadLetterWriter | None:
        errors = self.plan.errors
        if not errors.dead_letter_topic:
            return None
        return KafkaDeadLetterWriter(self.plan.kafka, errors.dead_letter_topic, errors.dead_letter_replicas)

    def _task(self, dead_letters: KafkaDeadLetterWriter | None) -> WorkerSinkTask:
        plan, parts = self.plan, self.plan.new_conversion()
        counts = self.status.counts.errors
        tolerance = Tolerance(plan.errors, plan.id, clock=time.monotonic, sleep=asyncio.sleep, counts=counts)
        queue = DeadLetterQueue(plan.errors, plan.id, dead_letters)
        return WorkerSinkTask(
            plan.id,
            plan.new_task(),
            plan.properties,
            GroupConsumer(plan.kafka, plan.group),
            SinkRecordReader(parts.key, parts.value, parts.header, parts.chain, tolerance, queue),
            topics=plan.topics,
            clock=time.monotonic,
            offset_flush_interval=plan.flush_interval,
            on_topic=self.status.topics.add,
            grace=plan.grace,
            status=self.status,
        )
