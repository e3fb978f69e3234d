"""What a source is: the contract between a database's log and the pipeline."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from cdc.metrics.counters import HistoryCounts
from cdc.model.batch import ChangeBatch
from cdc.model.position import Offset, Position
from cdc.snapshot.progress import SnapshotProgress


@dataclass(frozen=True, slots=True)
class Retention:
    """What the server keeps of its log for a source, in bytes.

    `safe_bytes` is how much more may be written before it is given up, None without a limit. `status` is the server's own word.
    """

    retained_bytes: int | None
    safe_bytes: int | None
    status: str


@runtime_checkable
class RetainsLog(Protocol):
    """A source whose server keeps its log until it is acknowledged."""

    @property
    def retention(self) -> Retention | None:
        """What was kept when it was last looked at, which is done every half minute; None when that is not known."""


@runtime_checkable
class KeepsHistory(Protocol):
    """A source that keeps the definitions of tables in a schema history."""

    @property
    def history_counts(self) -> HistoryCounts:
        """What it has done with that since it was started."""


class Source(Protocol):
    """Reads one log, in order.

    Ordering: batches come in commit order, rows in a batch too, and each batch's position lies behind the one before it.
    Durability: nothing is taken as safe before `acknowledge`; a source that is started with a stored offset delivers every change that
    committed behind it, and none before it. Concurrency: one owner; `batches` has one consumer; `keep_alive` runs beside it in a task of its
    own; `acknowledge` never waits.
    """

    @property
    def partition(self) -> Mapping[str, str]:
        """The key under which the source's offset is stored."""

    @property
    def progress(self) -> SnapshotProgress | None:
        """How far the snapshot is; None when there is none."""

    @property
    def takes_snapshot(self) -> bool:
        """Whether `batches` begins with a snapshot; known once the source has started."""

    @property
    def lag(self) -> int | None:
        """How many bytes of the log the server has that were not received yet; None where unknown."""

    async def start(self, stored: Offset | None) -> None:
        """Connect and get ready to go on behind `stored`, or to begin with a snapshot when it is None.

        Raises:
            SourceUnavailable: the server cannot be reached; retriable.
            SourceRefused: it refuses something that the source needs.
            SourceLost: changes behind the stored offset are no longer there.
        """

    def batches(self) -> AsyncIterator[ChangeBatch]:
        """Yield batches, without end unless nothing is to be streamed behind a snapshot. A batch without rows only moves the position on."""

    async def keep_alive(self) -> None:
        """Keep the session alive while batches wait to be taken; runs until it is cancelled."""

    def acknowledge(self, position: Position) -> None:
        """Note that everything up to `position` is stored for good, and let the server forget it."""

    async def stop(self) -> None:
        """Release the server's resources; may be called at any time, more than once."""
