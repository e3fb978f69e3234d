"""MySQL and MariaDB as an asynchronous iterator of committed transactions: the library's face of the source."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from cdc.config.filters import NameFilter, TableFilter
from cdc.config.mysql_settings import SYSTEM, MySqlSettings, TlsMode
from cdc.config.secret import Secret
from cdc.config.snapshot import SnapshotMode
from cdc.errors import ConfigError
from cdc.history.base import SchemaHistory
from cdc.history.memory import MemorySchemaHistory
from cdc.model.batch import ChangeBatch
from cdc.model.event import Transaction
from cdc.offsets.base import OffsetStore
from cdc.offsets.memory import MemoryOffsetStore
from cdc.sources.mysql.binlog.gtid import GtidSet
from cdc.sources.mysql.binlog.mariadb_gtid import MariaDbGtidSet
from cdc.sources.mysql.binlog.position import MySqlPosition
from cdc.sources.mysql.source import MySqlLog
from cdc.sources.transactions import TransactionSource

_PLACE: Final = re.compile(r"(\S+\.\d+):(\d+)")
#: What may stand behind the ? of a URL, in the words of MySQL's own programs, and the setting that it is.
_OPTIONS: Final = {"ssl-mode": "tls", "ssl-ca": "truststore", "ssl-cert": "keystore"}


class MySqlSource(TransactionSource):
    """Reads committed changes of a MySQL or MariaDB server, transaction by transaction.

    `url` is `mysql://user:password@host:port/database`; with a database, only its tables are read. Without a URL, `hostname`, `user`,
    `password` and `port` are given. `server_id` must be no other replica's. `tables` are regular expressions over `database.table`, each of which must match the whole
    name; none means all.

    `offsets` keeps the position between runs, and `history` the definitions of tables up to there: give both or neither. With neither they
    are kept in memory, and every run begins with a snapshot (unless `snapshot` is false). `start` is where the stream begins as long as no
    position is stored, without a snapshot: GTIDs that are not wanted any more, or `file:position`; the tables must not have been changed
    since. `name` tells sources apart that keep their positions in one place. Further settings are the fields of
    `cdc.config.MySqlSettings`, such as `time_mode`.

    One owner. A second `async for` goes on where the first one was left. A transaction is held in memory whole.
    Raises ConfigError for arguments that do not fit.
    """

    def __init__(
        self,
        url: str = "",
        *,
        server_id: int,
        tables: Sequence[str] = (),
        snapshot: bool = True,
        start: str | None = None,
        offsets: OffsetStore | None = None,
        history: SchemaHistory | None = None,
        name: str = "mysql",
        **settings: Any,
    ) -> None:
        if (offsets is None) != (history is None):
            raise ConfigError(
                f"{'offsets' if history is None else 'history'} was given alone: a stored position is of use only with the definitions of"
                " tables up to there",
                "Give both, such as FileOffsetStore(…) and FileSchemaHistory(…), or neither.",
            )
        self._history = history or MemorySchemaHistory()
        log = MySqlLog(
            MySqlSettings(
                **{
                    "tables": TableFilter(tables=_names(tables), system=SYSTEM),
                    **_complete(_connection_settings(url, tables) if url else {}, settings),
                },
                server_id=server_id,
                topic_prefix=name,
                snapshot_mode=SnapshotMode.INITIAL if snapshot else SnapshotMode.NO_DATA,
                tombstones_on_delete=False,
                include_schema_changes=False,
            ),
            self._history,
            begin=None if start is None else _position(start),
            each_transaction=True,
        )
        super().__init__(log, offsets or MemoryOffsetStore())
        self._rows_come_first = snapshot and start is None
        self._taken: list[ChangeBatch] = []
        self._coming = log.batches()

    async def __aenter__(self) -> Self:
        """Connect, and without a snapshot of rows read the definitions now: what commits from here on will come.

        Raises SourceUnavailable, SourceRefused, SourceLost or HistoryUnreadable.
        """
        await super().__aenter__()
        try:
            while not self._rows_come_first and not (self._taken and self._taken[-1].boundary):
                self._taken.append(await anext(self._coming))
        except BaseException as error:
            await self.__aexit__(type(error), error, error.__traceback__)
            raise
        return self

    async def _batches(self) -> AsyncIterator[ChangeBatch]:
        while self._taken:
            yield self._taken.pop(0)
        async for batch in self._coming:
            yield batch

    def _behind(self, info: Transaction, batch: ChangeBatch, before: MySqlPosition | None) -> MySqlPosition:
        position: MySqlPosition = batch.position
        return position

    async def _keep(self, batch: ChangeBatch) -> None:
        """Keep the statements that change tables before any position behind them can be stored: a history that is ahead of the position does no harm."""
        if batch.history:
            await self._history.record(batch.history)


def _names(tables: Sequence[str]) -> NameFilter:
    return NameFilter.parse(",".join(name.replace(",", r"\,") for name in tables))


def _complete(of_url: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a URL and the given ones, which go before; texts become what the settings hold."""
    found = {**of_url, **given}
    for name in ("hostname", "user"):
        if not found.get(name):
            raise ConfigError(
                f"neither the URL nor {name}=… names the {name}", "Give mysql://user:password@host:port/database."
            )
    for name in ("password", "keystore_password"):
        if isinstance(found.get(name), str):
            found[name] = Secret(found[name])
    if "tls" in found:
        found["tls"] = _tls(str(found["tls"]))
    return found


def _tls(word: str) -> TlsMode:
    try:
        return TlsMode(word.lower())
    except ValueError:
        known = ", ".join(TlsMode)
        raise ConfigError(f"the TLS mode '{word}' is none", f"Take one of {known}.") from None


def _connection_settings(url: str, tables: Sequence[str]) -> dict[str, Any]:
    """Return the settings that a URL stands for."""
    try:
        parts = urlsplit(url)
        port = parts.port or 3306
    except ValueError as error:
        raise ConfigError(f"the URL of the server is none: {error}", _URL_REMEDY) from None
    if parts.scheme not in {"mysql", "mariadb"}:
        raise ConfigError(f"the URL of the server begins with '{parts.scheme}:'", _URL_REMEDY)
    found: dict[str, Any] = {
        "hostname": parts.hostname or "",
        "port": port,
        "user": unquote(parts.username or ""),
        "password": Secret(unquote(parts.password or "")),
    }
    for name, value in parse_qsl(parts.query):
        if name not in _OPTIONS:
            known = ", ".join(_OPTIONS)
            raise ConfigError(f"the URL has the unknown option '{name}'", f"It may have {known}.")
        found[_OPTIONS[name]] = value
    database = unquote(parts.path.removeprefix("/"))
    if database:
        schemas = NameFilter.parse(re.escape(database).replace(",", r"\,"), what="database")
        found["tables"] = TableFilter(schemas, _names(tables), SYSTEM)
    return found


_URL_REMEDY: Final = "Give mysql://user:password@host:port/database."


def _position(start: str) -> MySqlPosition:
    """Return the position that a text stands for; raises ConfigError for one that is neither GTIDs nor a place in a file."""
    if place := _PLACE.fullmatch(start.strip()):
        return MySqlPosition(place[1], int(place[2]))
    gtids = GtidSet.parse(start) if ":" in start else MariaDbGtidSet.parse(start)
    if not str(gtids):
        raise ConfigError("start is empty", "Give GTIDs or file:position, or leave it away.")
    return MySqlPosition("", 0, str(gtids))
