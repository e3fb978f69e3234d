"""What a worker needs of Kafka to be one of a cluster; `cdc.connect.cluster.kafka` has it of a real one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from cdc.kafka.membership import Generation, Member
from cdc.kafka.topic_log import LogRecord

OnRecords = Callable[[Sequence[LogRecord]], None]


class Log(Protocol):
    """A compacted topic that everyone reads, from its beginning and on (see `cdc.kafka.topic_log.TopicLog`)."""

    async def run(self) -> None:
        """Read until cancelled; outages are waited for."""

    async def read_to_end(self, seconds: float = 20) -> None:
        """Return when everything that was committed before has been read; raises KafkaUnavailable when that takes too long."""

    @property
    def position(self) -> int:
        """The offset of the next record of partition 0."""


class Writer(Protocol):
    """Writes to such a topic; durable when a call returns. After an error it is to be closed."""

    async def start(self) -> None:
        """Connect; a writer of configurations shuts out every earlier one."""

    async def write(self, records: Sequence[tuple[str, bytes | None]]) -> None:
        """Write records in their order; None removes what a key holds."""

    async def close(self) -> None:
        """Release everything, in any state."""


class Membership(Protocol):
    """A member of the cluster's group (see `cdc.kafka.membership.Membership`)."""

    @property
    def generation(self) -> Generation | None:
        """What the group is at present; None while this is no member."""

    async def run(self) -> None:
        """Be a member until cancelled."""

    def rejoin(self) -> None:
        """Ask for a rebalance."""


class Links(Protocol):
    """Makes the connections of one worker."""

    def config_log(self, on_records: OnRecords) -> Log:
        """Return the log of configurations."""

    def status_log(self, on_records: OnRecords) -> Log:
        """Return the log of statuses."""

    def config_writer(self) -> Writer:
        """Return a new writer of configurations, which shuts out all others when it starts."""

    def status_writer(self) -> Writer:
        """Return a new writer of statuses."""

    def membership(self, member: Member) -> Membership:
        """Return the membership in the cluster's group."""
