"""What a running pipeline tells about itself."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from cdc.model.position import Position


class State(enum.StrEnum):
    """What the pipeline is doing."""

    STARTING = "starting"
    SNAPSHOT = "snapshot"
    STREAMING = "streaming"
    WAITING = "waiting"
    STOPPED = "stopped"


@dataclass(slots=True)
class PipelineStatus:
    """Counters since the start; written by the pipeline alone, read by anyone on the same loop.

    `rows` and `transactions` count what is committed in Kafka, `commits` the Kafka transactions with and without rows. `position` is the last one committed. `begun` says
    that the source has delivered: configuration and rights are known to be good then. `problem` is why it waits. `topics` are those that it has sent to.
    """

    state: State = State.STARTING
    begun: bool = False
    rows: int = 0
    records: int = 0
    record_bytes: int = 0
    transactions: int = 0
    commits: int = 0
    nulled_values: int = 0
    position: Position | None = None
    problem: str = ""
    restarts: int = 0
    topics: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Tally:
    """What the open Kafka transaction holds so far."""

    opened: float
    rows: int = 0
    records: int = 0
    record_bytes: int = 0
    continues: int = 0
