"""cdc-stream: committed row changes of a database as Kafka records, exactly once.

    async with PostgresSource("host=… dbname=… user=…", slot="orders") as source:
        async for transaction in source:
            for change in transaction:
                ...
            await transaction.ack()

`MySqlSource("mysql://user:password@host:3306/database", server_id=…)` does the same for MySQL and MariaDB.
The names of `__all__` are the library; everything else may change.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cdc.history.file import FileSchemaHistory
    from cdc.history.memory import MemorySchemaHistory
    from cdc.model.change import ChangeEvent
    from cdc.model.event import ABSENT, UNAVAILABLE
    from cdc.offsets.file import FileOffsetStore
    from cdc.offsets.memory import MemoryOffsetStore
    from cdc.sources.mysql.transactions import MySqlSource
    from cdc.sources.postgres.transactions import PostgresSource
    from cdc.sources.transactions import SourceTransaction

    __version__: str

# Where the public names live. They are imported when they are first used, so that the command line starts without the drivers.
_HOMES = {
    "ABSENT": "cdc.model.event",
    "ChangeEvent": "cdc.model.change",
    "FileOffsetStore": "cdc.offsets.file",
    "FileSchemaHistory": "cdc.history.file",
    "MemoryOffsetStore": "cdc.offsets.memory",
    "MemorySchemaHistory": "cdc.history.memory",
    "MySqlSource": "cdc.sources.mysql.transactions",
    "PostgresSource": "cdc.sources.postgres.transactions",
    "SourceTransaction": "cdc.sources.transactions",
    "UNAVAILABLE": "cdc.model.event",
}

__all__ = [
    "ABSENT",
    "UNAVAILABLE",
    "ChangeEvent",
    "FileOffsetStore",
    "FileSchemaHistory",
    "MemoryOffsetStore",
    "MemorySchemaHistory",
    "MySqlSource",
    "PostgresSource",
    "SourceTransaction",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        return import_module("importlib.metadata").version("cdc-stream")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'cdc' has no attribute {name!r}")
