"""Where a connector stands: by what it has stored, and by what its server says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cdc.cli.positions.log import Log, View
from cdc.cli.positions.logs import log_of
from cdc.config import load
from cdc.config.connector import ConnectorConfig
from cdc.connect.connector_offsets import source_offsets
from cdc.errors import SourceError, SourceLost
from cdc.model.position import Offset, Position


@dataclass(frozen=True, slots=True)
class Stand:
    """A connector's stored offset and its server; `unknown` is why the server could not be asked, `unreadable` why the offset means nothing."""

    config: ConnectorConfig
    log: Log
    offset: Offset | None
    position: Position | None
    server: View | None
    unknown: str = ""
    unreadable: str = ""

    @property
    def partition(self) -> Mapping[str, str]:
        """The key under which the offset is stored."""
        return {"server": self.config.source.topic_prefix}


def connector_config(path: Path, bootstrap_servers: str | None) -> ConnectorConfig:
    """Return the configuration of a file; `bootstrap_servers` counts before it. Raises ConfigError."""
    name, raw = load(path)
    brokers = {"bootstrap.servers": bootstrap_servers} if bootstrap_servers else {}
    return ConnectorConfig.from_raw({"name": name, **raw, **brokers})


async def look(config: ConnectorConfig) -> Stand:
    """Read the stored offset and ask the server; nobody is shut out, and a server that cannot be asked is no error.

    Raises:
        SinkError: Kafka could not be read.
    """
    found = await _look_once(config)
    if found.server is not None and found.server.lost is not None and found.server.reader:
        return await _look_once(config)  # the instance that runs may have moved on between the two ends
    return found


async def _look_once(config: ConnectorConfig) -> Stand:
    log = log_of(config)
    stored = await source_offsets(config.kafka, config.name)
    own = {"server": config.source.topic_prefix}
    offset = next((each.offset for each in stored if dict(each.partition) == own), None)
    position, unreadable = _position(offset, log)
    try:
        return Stand(config, log, offset, position, await log.look(position), unreadable=unreadable)
    except SourceError as error:
        return Stand(config, log, offset, position, None, error.sentence(), unreadable)


def _position(offset: Offset | None, log: Log) -> tuple[Position | None, str]:
    if offset is None:
        return None, ""
    try:
        return log.position(offset), ""
    except SourceLost as error:
        return None, error.sentence()
