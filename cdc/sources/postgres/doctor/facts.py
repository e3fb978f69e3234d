"""What is known of a server, its tables and the connector's role: values, read by `reader.py`.

Names in `sql…` fields are quoted by the server as SQL needs them. Sizes are in bytes, times in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cdc.errors import CdcError
from cdc.model.table import TableId


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """The server. `version` is server_version_num; `numbers` are settings in bytes or seconds where they have a unit.

    `slots` and `senders` count what is in use, by anybody.
    """

    version: int
    wal_level: str
    standby: bool
    slots: int
    senders: int
    database: str
    sql_database: str
    sql_publication: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    hot_standby_feedback: bool = False


@dataclass(frozen=True, slots=True)
class RoleFacts:
    """The connector's role in the database. `can_create` is the right to create publications there."""

    name: str
    sql_name: str
    superuser: bool
    replication: bool
    can_create: bool


@dataclass(frozen=True, slots=True)
class SlotFacts:
    """The configured slot; `retained` are the bytes of log that it keeps, `safe` those until the server may invalidate it, if bounded."""

    plugin: str | None
    slot_type: str
    database: str | None
    temporary: bool
    active_pid: int | None
    application: str
    wal_status: str
    reason: str
    retained: int
    safe: int | None


@dataclass(frozen=True, slots=True)
class PublicationFacts:
    """The configured publication. `operations` are the letters of `i`, `u`, `d`, `t` that it sends; `generated` says whether stored generated columns."""

    all_tables: bool
    owned: bool
    owner: str
    operations: str
    via_root: bool
    generated: bool


@dataclass(frozen=True, slots=True)
class TableFacts:
    """A relation that passes the connector's filters.

    `kind`, `persistence` and `identity` are pg_class' letters. `unique_index` could be its replica identity, in SQL. `rewrites` counts updates
    and deletes since the statistics were reset. `toasted` are the bytes that it keeps out of line, `large` the columns that may be there.
    `unknown` are columns without a mapping, `key` those of the records' key; `leaves` the partitions that hold its rows.
    """

    id: TableId
    sql_name: str
    sql_schema: str
    kind: str = "r"
    persistence: str = "p"
    partition: bool = False
    identity: str = "d"
    has_primary_key: bool = True
    identity_index: bool = False
    unique_index: str | None = None
    readable: bool = True
    schema_usable: bool = True
    owned: bool = True
    owner: str = ""
    row_security: bool = False
    rewrites: int = 0
    toasted: int = 0
    generated: Sequence[str] = ()
    large: Sequence[str] = ()
    leaves: Sequence[TableId] = ()
    key: Sequence[str] = ()
    unknown: Sequence[str] = ()
    published: bool = False
    row_filter: str | None = None
    column_list: Sequence[str] | None = None

    @property
    def capturable(self) -> bool:
        """Whether PostgreSQL can publish its changes."""
        return self.kind in {"r", "p"} and self.persistence == "p"

    @property
    def has_identity(self) -> bool:
        """Whether the log tells old rows, without which the server refuses updates and deletes of a published table."""
        by_index = self.has_primary_key if self.identity == "d" else self.identity_index
        return self.identity == "f" or (self.identity in {"d", "i"} and by_index)


@dataclass(frozen=True, slots=True)
class Facts:
    """All that was read. `tables` pass the filters; `others` are a few that do not, for who has mistyped a filter.

    `idle_patterns` are those of `table.include.list` that no relation matches. `replication` is why no replication connection could be opened.
    `stored` says whether there is an offset, `lost` why the stream cannot go on behind it, `overruled` that the configuration wants it to.
    """

    server: ServerFacts
    role: RoleFacts
    slot: SlotFacts | None
    publication: PublicationFacts | None
    tables: Sequence[TableFacts]
    others: Sequence[TableId] = ()
    idle_patterns: Sequence[str] = ()
    foreign_published: Sequence[TableFacts] = ()
    replication: CdcError | None = None
    lost: CdcError | None = None
    overruled: bool = False
    stored: bool = False

    @property
    def captured(self) -> Sequence[TableFacts]:
        """The tables whose changes the connector is to publish; a partition is one where the publication sends it under its own name."""
        return [each for each in self.tables if each.capturable and (each.published or not each.partition)]
