"""Which log a connector reads."""

from __future__ import annotations

from cdc.cli.positions.log import Log
from cdc.cli.positions.mysql import MySqlPositions
from cdc.cli.positions.postgres import PostgresPositions
from cdc.config.connector import ConnectorConfig
from cdc.config.settings import PostgresSettings


def log_of(config: ConnectorConfig) -> Log:
    """Return what is known of positions in a connector's log."""
    if isinstance(config.source, PostgresSettings):
        return PostgresPositions(config.source)
    return MySqlPositions(config.source)
