"""The MySQL connector as the runtime sees it: Debezium's `io.debezium.connector.mysql.MySqlConnector`."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from cdc.config.definition import Definition
from cdc.config.mysql import MYSQL
from cdc.model.position import Offset, Position
from cdc.sources.log_connector import LogConnector
from cdc.sources.mysql.binlog.position import MySqlPosition


class MySqlConnector(LogConnector):
    """The `LogConnector` of MySQL."""

    definition: ClassVar[Definition] = MYSQL
    position: ClassVar[Callable[[Offset], Position]] = MySqlPosition.from_offset
