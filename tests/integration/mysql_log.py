"""MySQL sources on a test's own database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from cdc.config.filters import NameFilter, TableFilter
from cdc.config.mysql_settings import SYSTEM, MySqlSettings, TlsMode
from cdc.history.memory import MemorySchemaHistory
from cdc.model.position import Offset
from cdc.sources.mysql.snapshot import snapshot as snapshot_module
from cdc.sources.mysql.source import MySqlLog
from cdc.testing.conformance.source import Reading, read
from tests.support.binlog import IDS
from tests.support.mysql_database import MySqlDatabase


def settings(database: MySqlDatabase, *, include: str = "", **more: Any) -> MySqlSettings:
    """Return settings that capture the tables of the database, or those that `include` names."""
    usual: dict[str, Any] = {"user": database.user, "tls": TlsMode.DISABLED, "keep_alive_interval": 1.0}
    return MySqlSettings(
        hostname=database.host,
        port=database.port,
        server_id=next(IDS),
        topic_prefix="p",
        tables=TableFilter(NameFilter.parse(database.name, what="database"), NameFilter.parse(include), SYSTEM),
        **{**usual, **more},
    )


@contextmanager
def small_batches() -> Iterator[None]:
    """Cut the snapshot's batches after few rows."""
    with mock.patch.multiple(snapshot_module, BATCH_BYTES=500):
        yield


async def read_log(
    chosen: MySqlSettings,
    enough: Callable[[Reading], bool],
    history: MemorySchemaHistory | None = None,
    stored: Offset | None = None,
) -> Reading:
    """Read with a new source until it is enough, and keep the history as a pipeline does."""
    history = history or MemorySchemaHistory()
    source = MySqlLog(chosen, history)
    try:
        await source.start(stored)
        reading = await read(source, enough)
    finally:
        await source.stop()
    for batch in reading.batches:
        await history.record(batch.history)
    return reading
