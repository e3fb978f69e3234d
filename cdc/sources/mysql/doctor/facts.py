"""What is known of a server, its tables and the connector's user: values, read by `reader.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cdc.errors import CdcError, SourceLost
from cdc.model.table import TableId
from cdc.sources.mysql.protocol.replicas import Replica
from cdc.sources.mysql.server.facts import ServerFacts


@dataclass(frozen=True, slots=True)
class UserFacts:
    """The connector's user: `account` is quoted as SQL needs it, `grants` are the privileges by what they are on, as the server prints it (`*.*`).

    `cipher` is that of the connection, "" for one in the clear.
    """

    name: str
    account: str
    grants: Mapping[str, frozenset[str]] = field(default_factory=dict)
    cipher: str = ""

    def may(self, *privileges: str) -> bool:
        """Whether the user has one of the privileges for the whole server."""
        held = self.grants.get("*.*", frozenset())
        return bool(held & {"ALL PRIVILEGES", *privileges})


@dataclass(frozen=True, slots=True)
class TableFacts:
    """A table or view that passes the connector's filters.

    `transactional` is what the server says of the engine. `key` are the columns of the records' key. `unknown` are columns without a mapping;
    `unreadable` is why the definition could not be read.
    """

    id: TableId
    sql_name: str
    engine: str = "InnoDB"
    view: bool = False
    transactional: bool = True
    readable: bool = True
    has_primary_key: bool = True
    key: Sequence[str] = ()
    generated: Sequence[str] = ()
    invisible: Sequence[str] = ()
    unknown: Sequence[str] = ()
    unreadable: CdcError | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that was read. `tables` pass the filters; `others` are a few that do not, for who has mistyped a filter.

    `idle_patterns` are those of `table.include.list` that no table matches. `hidden_place` is why the server does not tell where its binlog stands.
    `stored` says whether there is an offset, `lost` why the stream cannot go on behind it.
    """

    server: ServerFacts
    user: UserFacts
    tables: Sequence[TableFacts]
    replicas: Sequence[Replica] = ()
    others: Sequence[TableId] = ()
    idle_patterns: Sequence[str] = ()
    hidden_place: CdcError | None = None
    lost: SourceLost | None = None
    stored: bool = False

    @property
    def captured(self) -> Sequence[TableFacts]:
        """The tables whose changes the connector is to publish."""
        return [each for each in self.tables if not each.view]
