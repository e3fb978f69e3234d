"""PostgreSQL as an asynchronous iterator of committed transactions: the library's face of the source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from psycopg.conninfo import conninfo_to_dict

from cdc.config.filters import NameFilter, TableFilter
from cdc.config.hosts import join_hosts
from cdc.config.secret import Secret
from cdc.config.settings import PostgresSettings, PublicationAutocreate
from cdc.config.snapshot import SnapshotMode
from cdc.errors import ConfigError
from cdc.model.batch import ChangeBatch
from cdc.model.event import Transaction
from cdc.offsets.base import OffsetStore
from cdc.offsets.memory import MemoryOffsetStore
from cdc.sources.postgres.source import PostgresLog
from cdc.sources.postgres.wal.position import PostgresPosition, still_needed
from cdc.sources.transactions import TransactionSource


class PostgresSource(TransactionSource):
    """Reads committed changes of a PostgreSQL database, transaction by transaction.

    `dsn` is a libpq connection string. `tables` are regular expressions over `schema.table`, each of which must match the whole name; none
    means all. The slot and the publication are created when absent. `offsets` keeps the position between runs: with the default, which keeps
    it in memory, every run begins with a snapshot (unless `snapshot` is false). Further settings are the fields of
    `cdc.config.PostgresSettings`, such as `time_mode`.

    One owner. A second `async for` goes on where the first one was left. A transaction is held in memory whole.
    """

    def __init__(
        self,
        dsn: str,
        *,
        slot: str,
        publication: str | None = None,
        tables: Sequence[str] = (),
        snapshot: bool = True,
        offsets: OffsetStore | None = None,
        **settings: object,
    ) -> None:
        self._settings = replace(
            _connection_settings(dsn),
            slot_name=slot,
            publication_name=publication or slot,
            publication_autocreate=PublicationAutocreate.FILTERED,
            tables=TableFilter(tables=NameFilter.parse(",".join(name.replace(",", r"\,") for name in tables))),
            snapshot_mode=SnapshotMode.INITIAL if snapshot else SnapshotMode.NO_DATA,
            tombstones_on_delete=False,
            **settings,  # type: ignore[arg-type]
        )
        super().__init__(PostgresLog(self._settings), offsets or MemoryOffsetStore())

    def _behind(self, info: Transaction, batch: ChangeBatch, before: PostgresPosition | None) -> PostgresPosition:
        position: PostgresPosition = batch.position
        seen = still_needed(before.visibility if before is not None else None, info.end)
        parts = position.parts if seen is not None else ()
        return replace(position, lsn=info.end, last_commit=info.end, partial=None, visibility=seen, parts=parts)


def _connection_settings(dsn: str) -> PostgresSettings:
    """Return the settings that a libpq connection string stands for."""
    known = conninfo_to_dict(dsn)
    for name in ("host", "dbname", "user"):
        if not known.get(name):
            raise ConfigError(f"the connection string does not name the {name}", f"Add {name}=… to it.")
    files = {name: str(known[name]) for name in ("sslmode", "sslcert", "sslkey", "sslrootcert") if known.get(name)}
    return PostgresSettings(
        hostname=join_hosts(str(known["host"]), str(known.get("port") or 5432)),
        dbname=str(known["dbname"]),
        user=str(known["user"]),
        password=Secret(str(known.get("password") or "")),
        topic_prefix=str(known["dbname"]),
        **files,  # type: ignore[arg-type]
    )
