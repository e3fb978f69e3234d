"""When and how the initial snapshot is taken: the settings beside `snapshot.mode`."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from cdc.config.definition import Config
from cdc.config.filters import NameFilter
from cdc.config.property import Problem
from cdc.config.secret import MASK

SELECTS: Final = "snapshot.select.statement.overrides"
CONFIGURED: Final = "snapshot.mode.configuration.based"
READS: Final = (f"{CONFIGURED}.snapshot.data", f"{CONFIGURED}.start.stream")


class SnapshotMode(enum.StrEnum):
    """When a snapshot is taken, and whether streaming follows; see `policy_of`."""

    INITIAL = "initial"
    ALWAYS = "always"
    INITIAL_ONLY = "initial_only"
    NO_DATA = "no_data"
    WHEN_NEEDED = "when_needed"
    CONFIGURATION_BASED = "configuration_based"
    RECOVERY = "recovery"


class TableOrder(enum.StrEnum):
    """Which tables a snapshot reads first, by the database's estimate of their rows; DISABLED is the order of the include list."""

    DISABLED = "disabled"
    ASCENDING = "ascending"
    DESCENDING = "descending"


@dataclass(frozen=True, slots=True)
class SnapshotPolicy:
    """What a mode means: a snapshot when nothing is stored, at each start, and when the log behind the offset is gone."""

    at_first: bool = True
    at_each_start: bool = False
    when_lost: bool = False
    streams: bool = True


_POLICIES: Final[Mapping[SnapshotMode, SnapshotPolicy]] = {
    SnapshotMode.INITIAL: SnapshotPolicy(),
    SnapshotMode.ALWAYS: SnapshotPolicy(at_each_start=True, when_lost=True),
    SnapshotMode.INITIAL_ONLY: SnapshotPolicy(streams=False),
    SnapshotMode.NO_DATA: SnapshotPolicy(at_first=False),
    SnapshotMode.WHEN_NEEDED: SnapshotPolicy(when_lost=True),
    SnapshotMode.RECOVERY: SnapshotPolicy(at_first=False),
}


def policy_of(mode: SnapshotMode, configured: SnapshotPolicy) -> SnapshotPolicy:
    """Return what a mode means; `configured` is what configuration_based does."""
    return _POLICIES.get(mode, configured)


@dataclass(frozen=True, slots=True)
class SnapshotSettings:
    """How the snapshot reads. Times are in seconds; `selects` are statements by `schema.table`; `include` names the tables to read."""

    configured: SnapshotPolicy = SnapshotPolicy(at_first=False, streams=False)
    include: NameFilter = field(default_factory=NameFilter)
    selects: Mapping[str, str] = field(default_factory=dict)
    threads: int = 1
    ranges_per_thread: int = 1
    order: TableOrder = TableOrder.DISABLED
    locks: bool = False
    lock_timeout: float = 10.0
    delay: float = 0.0
    streaming_delay: float = 0.0

    @classmethod
    def from_config(cls, config: Config) -> SnapshotSettings:
        """Return the settings of a configuration of a Debezium connector."""
        selects = config.beneath(f"{SELECTS}.")
        return cls(
            configured=_configured(config),
            include=NameFilter.parse(config.string("snapshot.include.collection.list")),
            selects={name: selects[name] for name in config.list(SELECTS)},
            threads=config.integer("snapshot.max.threads"),
            ranges_per_thread=0
            if config.boolean("legacy.snapshot.max.threads")
            else config.integer("snapshot.max.threads.multiplier"),
            order=TableOrder(config.string("snapshot.tables.order.by.row.count")),
            locks=config.string("snapshot.locking.mode") == "shared",
            lock_timeout=config.integer("snapshot.lock.timeout.ms") / 1000,
            delay=config.integer("snapshot.delay.ms") / 1000,
            streaming_delay=config.integer("streaming.delay.ms") / 1000,
        )


def _configured(config: Config) -> SnapshotPolicy:
    """Return what configuration_based does: as in Debezium, one that reads rows reads them at each start."""
    data = config.boolean(f"{CONFIGURED}.snapshot.data")
    return SnapshotPolicy(
        at_first=data,
        at_each_start=data,
        when_lost=config.boolean(f"{CONFIGURED}.snapshot.on.data.error"),
        streams=config.boolean(f"{CONFIGURED}.start.stream"),
    )


def selects_complete(config: Config) -> Iterable[Problem]:
    """Yield a problem for each table that is to be read by a statement of its own and has none."""
    given = config.beneath(f"{SELECTS}.")
    hidden = config.masked().get(SELECTS) == MASK  # the list came from a secret provider
    for table in config.list(SELECTS):
        if not given.get(table, "").strip():
            shown = MASK if hidden else table
            fact = f"{SELECTS} names {shown}, and {SELECTS}.{shown} is not set"
            yield Problem(SELECTS, fact, "Give the SELECT there, or take the table off the list.")


def configured_does_something(config: Config, names: Sequence[str] = READS) -> Iterable[Problem]:
    """Yield a problem for a configuration_based mode by which nothing would ever be read, as none of these properties is true."""
    if config.get("snapshot.mode") == SnapshotMode.CONFIGURATION_BASED and not any(config.get(each) for each in names):
        yield Problem(
            "snapshot.mode",
            "snapshot.mode is configuration_based, and neither a snapshot nor streaming is switched on",
            f"Set {' or '.join(names)} to true.",
        )


RULES: Final = (selects_complete, configured_does_something)
"""The conditions over several of these properties, where definitions alone are nothing to publish."""
