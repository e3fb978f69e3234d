"""Reading values again that the binlog left out or has as null, from MySQL and MariaDB (`cdc.sources.columns.reselection`).

Rows are found by their key, as literals that the server compares, and read as a snapshot reads them: by the same expressions, under the same
settings of the session, decoded by the same decoders. While they are read the table cannot be altered, and its definition of that moment is
compared with the one that the rows were written under; columns that are of another type now are not read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final, Self

from cdc.config.mysql_settings import MySqlSettings
from cdc.config.post_processors import ReselectSettings
from cdc.errors import DdlUnreadable, SourceRefused, SourceUnavailable
from cdc.model.batch import ChangeBatch
from cdc.model.table import TableId
from cdc.sources.columns.reselection import Reselection, Values, Wanted, Written
from cdc.sources.columns.row import RowPlan
from cdc.sources.mysql.binlog.table_map import TableMap
from cdc.sources.mysql.ddl.definitions import Definitions, TableDefinition
from cdc.sources.mysql.ddl.statements import DdlSession, apply_ddl
from cdc.sources.mysql.protocol.connection import Connection, identifier
from cdc.sources.mysql.protocol.endpoint import Endpoint
from cdc.sources.mysql.reselection.selections import Selection, selection_of
from cdc.sources.mysql.reselection.visibility import TOLD_BY, Visibility
from cdc.sources.mysql.schema.table_schema import TablePlans
from cdc.sources.mysql.server.facts import ServerFacts
from cdc.sources.mysql.snapshot.catalog import created, server_definitions
from cdc.sources.mysql.snapshot.view import open_reading

#: Keys of one SELECT at most: the number of a row is found by comparing with one after the other.
MOST_KEYS: Final = 100

#: A key as literals of SQL, and which columns are lacking.
_Key = tuple[str, ...]
_Lacks = tuple[bool, ...]


class SelectionReader:
    """Reads rows on a connection of its own, one caller at a time. `definitions` is what is known of the server without its tables."""

    places = TOLD_BY

    def __init__(self, connection: Connection, visibility: Visibility, definitions: Definitions) -> None:
        self._connection = connection
        self._visibility = visibility
        self._definitions = definitions
        self._known: dict[TableId, tuple[str, TableDefinition]] = {}

    async def read(self, selection: Selection, wanted: Sequence[Wanted], written: Written) -> Sequence[Values | None]:
        """See `cdc.sources.columns.reselection.Reader.read`."""
        await self._visibility.wait(written)
        keys = [(selection.literals(key), tuple(lacks)) for key, lacks in wanted]
        groups: dict[_Lacks, dict[_Key, None]] = {}
        for key, lacks in keys:
            if key is not None:
                groups.setdefault(lacks, {})[key] = None
        await self._connection.execute("START TRANSACTION READ ONLY")
        try:
            found = {lacks: await self._rows(selection, lacks, list(group)) for lacks, group in groups.items()}
            self._check(selection, await self._definition(selection.definition.id))
        finally:
            await self._connection.execute("ROLLBACK")
        return [None if key is None else found[lacks].get(key) for key, lacks in keys]

    async def _rows(self, selection: Selection, lacks: _Lacks, keys: Sequence[_Key]) -> dict[_Key, Values]:
        """Return the values of the rows that are there."""
        found: dict[_Key, Values] = {}
        for at in range(0, len(keys), MOST_KEYS):
            missing = list(keys[at : at + MOST_KEYS])
            # Keys may differ and be equal to the server, as 'a' and 'A': a row is told by the first of them alone.
            while missing and (more := await self._select(selection, lacks, missing)):
                found |= more
                missing = [key for key in missing if key not in more]
        return found

    async def _select(self, selection: Selection, lacks: _Lacks, keys: Sequence[_Key]) -> dict[_Key, Values]:
        rows = (await self._connection.query(query_of(selection, lacks, keys))).rows
        return {keys[int(number)]: list(_spread(values, lacks)) for number, *values in rows if number is not None}

    async def _definition(self, table: TableId) -> TableDefinition | None:
        """Return what a table is now."""
        statement = await created(self._connection, table)
        known = self._known.get(table)
        if known is not None and known[0] == statement:
            return known[1]
        try:
            outcome = apply_ddl(self._definitions, statement, DdlSession(database=table.schema))
        except DdlUnreadable as error:
            raise SourceRefused(str(error), error.remedy) from error
        found = outcome.definitions.get(table.schema, table.table)
        if found is not None:
            self._known[table] = statement, found
        return found

    def _check(self, selection: Selection, now: TableDefinition | None) -> None:
        changed = list(selection.columns) if now is None else selection.changed_columns(now)
        if changed:
            raise SourceRefused(
                f"the type of {', '.join(changed)} is another one now than when the rows were written",
                "Set reselect.error.handling.mode=warn to publish such events as they are.",
            )


def query_of(selection: Selection, lacks: Sequence[bool], keys: Sequence[Sequence[str]]) -> str:
    """Return the SELECT of lacking columns, with the index among `keys` of each row's key in front."""
    same = [
        " AND ".join(f"{column.expression} = {part}" for column, part in zip(selection.key, key, strict=True))
        for key in keys
    ]
    number = " ".join(f"WHEN {condition} THEN {at}" for at, condition in enumerate(same))
    chosen = [text for text, lacking in zip(selection.columns.values(), lacks, strict=True) if lacking]
    table = selection.definition.id
    return (
        f"SELECT CASE {number} END, {', '.join(chosen)} FROM {identifier(table.schema)}.{identifier(table.table)}"  # noqa: S608 (escaped)
        f" WHERE {' OR '.join(f'({condition})' for condition in same)}"
    )


def _spread(values: Values, lacks: Sequence[bool]) -> Iterator[bytes | None]:
    """Put the values of the lacking columns in their places among all."""
    given = iter(values)
    for lacking in lacks:
        yield next(given) if lacking else None


class MySqlReselection:
    """What fills the batches of one stream; closed by its owner."""

    def __init__(
        self,
        connection: Connection,
        definitions: Definitions,
        settings: MySqlSettings,
        wanted: ReselectSettings,
        most_bytes: int,
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._wanted = wanted
        self._visibility = Visibility(connection)
        reader = SelectionReader(connection, self._visibility, definitions)
        self._filling: Reselection[Selection] = Reselection(reader, wanted, most_bytes)

    @classmethod
    async def open(
        cls, settings: MySqlSettings, wanted: ReselectSettings, endpoint: Endpoint, facts: ServerFacts, most_bytes: int
    ) -> Self:
        """Connect to the server whose log is read.

        Raises:
            SourceUnavailable: it cannot be reached, or another one is there.
            SourceRefused: it refuses the login.
        """
        (connection,) = await open_reading(settings, endpoint, 1)
        try:
            await _check_same(connection, facts)
            return cls(connection, await server_definitions(connection), settings, wanted, most_bytes)
        except BaseException:
            await connection.close()
            raise

    @property
    def rows(self) -> int:
        """How many rows the next batch may have."""
        return self._filling.rows

    def plan(self, plans: TablePlans, definition: TableDefinition, images: TableMap) -> RowPlan:
        """Return how rows of the binlog are decoded; raises what `TablePlans.streamed` raises."""
        plan, selection = selection_of(plans, self._settings, self._wanted, definition, images)
        if selection is not None:
            self._filling.use(selection)
        return plan

    def retire(self) -> None:
        """Note that all rows behind those of the batch at hand are decoded by other plans."""
        self._filling.retire()

    async def fill(self, batch: ChangeBatch, ended: Collection[str]) -> None:
        """Fill in what the rows of a batch lack; `ended` are the distributed transactions that have committed in it. Raises as `Reselection.fill`."""
        self._visibility.ended = ended
        await self._filling.fill(batch)

    async def close(self) -> None:
        """Close the connection; never raises."""
        await self._connection.close()


async def _check_same(connection: Connection, facts: ServerFacts) -> None:
    """Make sure that a connection, which a proxy may have made, is one to the server whose log is read: a place in another's means nothing."""
    ((number,),) = await connection.texts("SELECT @@GLOBAL.server_id")
    if str(number) != str(facts.server_id):
        raise SourceUnavailable(
            f"{connection.endpoint}: the server with server_id {number} is there, and the log is read from {facts.server_id}",
            "Let all connections of a connector reach the same server.",
        )


def check_visible(facts: ServerFacts) -> None:
    """Make sure that the server tells when a transaction can be seen; raises SourceRefused if not."""
    if not facts.has_gtids:
        mode = facts.variables.get("gtid_mode", "OFF")
        raise SourceRefused(
            f"gtid_mode of {facts.server} is {mode}: columns are to be read again (post.processors), and without GTIDs nothing tells when"
            " a transaction of the log can be seen, so that older values could be read",
            "Set gtid_mode=ON at the server, or remove the post processor; with binlog_row_image=FULL the log has all values.",
        )
