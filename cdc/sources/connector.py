"""Source connectors and their tasks: Kafka Connect's contracts (`org.apache.kafka.connect.source`), async.

A connector validates its configuration and says how the work is divided; a task does the work. The runtime makes one instance for each
start, and throws it away after `stop` or an error. All calls of one instance come from one asyncio task, one at a time, except `stop`
of a task, which comes while `poll` may be waiting. A call must not block the event loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol

from cdc.config.definition import Definition
from cdc.config.property import Problem
from cdc.model.connect_record import SourceRecord
from cdc.model.position import Offset

Properties = Mapping[str, str]
"""A configuration as it was given, its references to secrets replaced."""


class SourceTaskContext(Protocol):
    """What the runtime offers to a source task."""

    @property
    def properties(self) -> Properties:
        """The task's configuration, converters and transforms included."""

    async def offset(self, partition: Mapping[str, str]) -> Offset | None:
        """Return the newest committed offset of a source partition, or None when there is none."""


class SourceTask(Protocol):
    """Reads a share of the source.

    Ordering: records go to Kafka in the order in which `poll` returns them. Durability: all records of one `poll` and the newest
    offset of each of their source partitions are committed in one Kafka transaction, so a task that is started again with those offsets
    neither repeats nor misses a record. `commit` is called after that, and never before.
    """

    async def start(self, context: SourceTaskContext) -> None:
        """Get ready to go on behind the stored offsets; raises CdcError when that cannot be."""

    async def poll(self) -> Sequence[SourceRecord]:
        """Return the next records; wait until there are some, or return none after a while. Cancelled when the task is to stop."""

    async def commit(self) -> None:
        """Hear that everything which `poll` has returned so far is in Kafka for good."""

    async def stop(self) -> None:
        """Release everything; called once, also after an error and when `start` has failed."""


class SourceConnector(Protocol):
    """Divides the work of one source into tasks."""

    #: Shown by REST, as in `{"class", "type": "source", "version"}`.
    version: ClassVar[str]
    #: The configuration, without the properties that the runtime gives to every connector (name, converters, transforms, errors).
    definition: ClassVar[Definition]
    #: What runs; made without arguments. None where the changes come as compiled batches of a `cdc.sources.base.Source`, for which
    #: the runtime runs a pipeline.
    task: ClassVar[type[SourceTask] | None]

    async def validate(self, properties: Properties) -> Sequence[Problem]:
        """Return what is wrong beyond what `definition` finds; may look at the source, so it may take seconds."""

    async def start(self, properties: Properties) -> None:
        """Take a valid configuration; raises CdcError when the connector cannot run."""

    async def task_configs(self, max_tasks: int) -> Sequence[Properties]:
        """Return the configuration of each task, at most `max_tasks`, in an order that stays the same as long as the work does."""

    async def alter_offsets(
        self, properties: Properties, offsets: Sequence[tuple[Mapping[str, str], Offset | None]]
    ) -> bool:
        """Check offsets that a person wants to store (None: to remove) for a stopped connector.

        Returns whether the connector has made sure that they can be used; raises CdcError for those that cannot.
        """

    async def stop(self) -> None:
        """Release everything; called once."""
