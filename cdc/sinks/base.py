"""Sink connectors and their tasks: Kafka Connect's contracts (`org.apache.kafka.connect.sink`), async.

The runtime makes one instance for each start, and throws it away after `stop` or an error. All calls of one instance come from one asyncio
task, one at a time. A call must not block the event loop; work that does goes to a thread.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar, Protocol

from cdc.config.definition import Definition
from cdc.config.property import Problem
from cdc.errors import SinkError
from cdc.model.connect_record import SinkRecord, TopicPartition

Properties = Mapping[str, str]
"""A configuration as it was given, its references to secrets replaced."""

Offsets = Mapping[TopicPartition, int]
"""By partition, the offset of the next record to be read."""


class RetryLater(SinkError):
    """The sink cannot take the records now; `put` is called again with the same ones (Connect's RetriableException)."""

    retriable = True


class SinkTaskContext(Protocol):
    """What the runtime offers to a sink task."""

    @property
    def properties(self) -> Properties:
        """The task's configuration, converters and transforms included."""

    def assignment(self) -> Collection[TopicPartition]:
        """Return the partitions that the task reads now."""

    def seek(self, offsets: Offsets) -> None:
        """Go on reading at these offsets: what a sink asks for that keeps its own, at `open`."""

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Deliver nothing from these partitions until they are resumed."""

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        """Deliver from these partitions again."""

    async def report(self, record: SinkRecord, error: Exception) -> None:
        """Give up one record under `errors.tolerance`: it goes to the dead letter queue, or the error is raised under `none`."""


class SinkTask(Protocol):
    """Writes the records of some partitions.

    Ordering: the records of one partition come in offset order. Durability: a record counts as delivered only when `pre_commit` has
    returned an offset behind it; after a crash reading begins there, so records behind it come again, and a task that wants
    exactly once keeps its own offsets and calls `context.seek` in `open`.
    """

    async def start(self, context: SinkTaskContext) -> None:
        """Get ready; raises CdcError when that cannot be, RetryLater when it may be later: a new task is started then."""

    async def open(self, partitions: Collection[TopicPartition]) -> None:
        """Get ready for partitions that were assigned; `context.seek` may be called."""

    async def put(self, records: Sequence[SinkRecord]) -> None:
        """Take records, and write them now or later; may be called with none. Raises RetryLater to get them again."""

    async def flush(self, offsets: Offsets) -> None:
        """Make everything before these offsets durable."""

    async def pre_commit(self, offsets: Offsets) -> Offsets:
        """Make durable what can be, and return the offsets up to which everything is: those given, after `flush`, unless less."""

    async def close(self, partitions: Collection[TopicPartition]) -> None:
        """Let go of partitions that another task takes over; `pre_commit` was called before."""

    async def stop(self) -> None:
        """Release everything; called once, also after an error and when `start` has failed."""


class SinkConnector(Protocol):
    """Divides the work of one sink into tasks; the partitions are divided by Kafka."""

    #: Shown by REST, as in `{"class", "type": "sink", "version"}`.
    version: ClassVar[str]
    #: The configuration, without the properties that the runtime gives to every sink (name, topics, converters, transforms, errors).
    definition: ClassVar[Definition]
    #: What runs; made without arguments.
    task: ClassVar[type[SinkTask]]

    async def validate(self, properties: Properties) -> Sequence[Problem]:
        """Return what is wrong beyond what `definition` finds."""

    async def start(self, properties: Properties) -> None:
        """Take a valid configuration; raises CdcError when the connector cannot run."""

    async def task_configs(self, max_tasks: int) -> Sequence[Properties]:
        """Return the configuration of each task, at most `max_tasks`."""

    async def alter_offsets(self, properties: Properties, offsets: Mapping[TopicPartition, int | None]) -> bool:
        """Check offsets that a person wants to store (None: to remove) for a stopped connector; raises CdcError for unusable ones."""

    async def stop(self) -> None:
        """Release everything; called once."""
