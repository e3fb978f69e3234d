"""Heartbeats: records that say that a connector is alive, although there may be nothing to publish."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from cdc.model.batch import ChangeBatch
from cdc.model.connect_record import SourceRecord
from cdc.model.schema import INT64, STRING, Field, struct

KEY: Final = struct("io.debezium.connector.common.ServerNameKey", (Field("serverName", STRING),), version=1)
VALUE: Final = struct("io.debezium.connector.common.Heartbeat", (Field("ts_ms", INT64),), version=1)


@dataclass(slots=True)
class Heartbeat:
    """The heartbeat of one connector: a record for `server` every `interval` seconds, the first one at once.

    `clock` gives seconds, `wall_ns` nanoseconds since the epoch.
    """

    topic: str
    server: str
    interval: float
    clock: Callable[[], float]
    wall_ns: Callable[[], int]
    _due: float = field(default=float("-inf"), init=False)

    def left(self) -> float:
        """Return the seconds until the next record is due; 0 or less when it is."""
        return self._due - self.clock()

    def beat(self) -> ChangeBatch:
        """Return a batch with the record alone, and wait for the next one."""
        self._due = self.clock() + self.interval
        batch = ChangeBatch()
        batch.stamp_ns = self.wall_ns()
        value = {"ts_ms": batch.stamp_ns // 1_000_000}
        key = {"serverName": self.server}
        record = SourceRecord(topic=self.topic, key=key, key_schema=KEY, value=value, value_schema=VALUE)
        batch.add_aside(record, sign=True)
        return batch
