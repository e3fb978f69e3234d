"""Reading values again that the log left out, before their events are published (`post.processors`): what all databases share.

Each batch is filled before it is handed over. What is read of a row is its present state: it may be newer than the event, and then an event
with that state follows. It must never be older; that is what a `Reader` takes care of, as databases send transactions before they show them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeAlias, TypeVar

from cdc.config.post_processors import ReselectSettings
from cdc.errors import SourceRefused
from cdc.model.batch import ChangeBatch
from cdc.model.table import Table, TableId
from cdc.sources.columns.gaps import Gaps, find_gaps
from cdc.sources.columns.row import RowPlan

log = logging.getLogger(__name__)

#: Rows of a batch at most, so that what is read for them at once is bounded; fewer after values that were large.
MOST_ROWS: Final = 500
FIRST_ROWS: Final = 50
#: Pauses while a transaction cannot be seen yet, in seconds, and when that is told.
FIRST_PAUSE: Final = 0.002
LONGEST_PAUSE: Final = 0.5
TOLD_AFTER: Final = 10.0

#: What is wanted of a row: its key, and for each column of its gaps whether that is lacking.
Wanted: TypeAlias = tuple[Sequence[str | bytes | None], Sequence[bool]]
#: The texts of a row's columns, None for null.
Values: TypeAlias = Sequence[bytes | None]
#: What tells of the transactions that wrote some rows: for each the source cells that the reader asked for.
Written: TypeAlias = set[tuple[object, ...]]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Selection:
    """How the values of a table are read again; each database adds what it needs."""

    gaps: Gaps

    def shown(self, key: Sequence[str | bytes | None]) -> str:
        """Return a key as messages have it; None is a part that is null, or that the log does not carry."""
        return ", ".join("none" if part is None else str(part) for part in key)


S = TypeVar("S", bound=Selection)
S_contra = TypeVar("S_contra", bound=Selection, contravariant=True)


class Reader(Protocol[S_contra]):
    """Reads rows of one server; `places` are those of the source cells that tell of a transaction."""

    @property
    def places(self) -> tuple[int, ...]:
        """See the class."""

    async def read(self, selection: S_contra, wanted: Sequence[Wanted], written: Written) -> Sequence[Values | None]:
        """Return the values for each row, None for one that is gone, not before the transactions can be seen that are told of.

        Raises:
            SourceUnavailable: the server cannot be reached.
            SourceRefused: it refuses, or the table is not any more what it was.
        """


class Reselection(Generic[S]):
    """Fills the batches of one source; one caller at a time. `rows` is how many rows the next batch may have."""

    def __init__(self, reader: Reader[S], settings: ReselectSettings, most_bytes: int) -> None:
        self._reader = reader
        self._fail = settings.fail
        self._most_bytes = most_bytes
        self._selections: dict[tuple[TableId, tuple[str, ...]], S] = {}
        self._retired: set[tuple[TableId, tuple[str, ...]]] = set()
        self._refused: set[TableId] = set()
        self.rows = FIRST_ROWS

    def use(self, selection: S) -> None:
        """Take how values of a table are read again, whose rows are decoded in this way from now on."""
        table = selection.gaps.plan.table
        if table is not None:
            self._selections[_version(table)] = selection

    def retire(self) -> None:
        """Note that all rows behind those of the next batch are decoded by other plans than before."""
        self._retired.update(self._selections)

    async def fill(self, batch: ChangeBatch) -> None:
        """Fill in what the rows of a batch lack.

        Raises:
            SourceUnavailable: the server cannot be reached.
            SourceRefused: under `fail`, it refuses to read, or a row is gone.
        """
        before = batch.size
        selections = [self._selections.get(_version(table)) for table in batch.tables]
        gaps = [found.gaps if found is not None else None for found in selections]
        lacking, written = find_gaps(batch, gaps, self._reader.places)
        for at, rows in lacking.items():
            selection = selections[at]
            if selection is not None:
                await self._fill(batch, selection, rows, written)
        self._bound(batch.size - before)
        while self._retired:
            self._selections.pop(self._retired.pop(), None)

    def _bound(self, size: int) -> None:
        """Choose how many rows the next batch has by what the last one took."""
        if size > self._most_bytes:
            self.rows = max(1, self.rows // 4)
        elif size < self._most_bytes // 4:
            self.rows = min(MOST_ROWS, self.rows * 2)

    async def _fill(self, batch: ChangeBatch, selection: S, rows: Sequence[int], written: Written) -> None:
        table = batch.row(rows[0])[1].id
        wanted = [selection.gaps.wanted(batch, row) for row in rows]
        try:
            found = await self._reader.read(selection, wanted, written)
        except SourceRefused as error:
            self._give_up(table, error)
            return
        self._refused.discard(table)
        gone = [key for (key, _), values in zip(wanted, found, strict=True) if values is None]
        if gone:
            state = "not to be found" if None in gone[0] else "gone"
            self._tell_gone(f"the row of {table} with the key ({selection.shown(gone[0])})", len(gone), state)
        for row, values in zip(rows, found, strict=True):
            if values is not None:
                selection.gaps.fill(batch, row, list(values))

    def _give_up(self, table: TableId, error: SourceRefused) -> None:
        if self._fail:
            raise SourceRefused(f"values of {table} cannot be read again: {error}", error.remedy) from error
        if table not in self._refused:
            self._refused.add(table)
            log.warning("values of %s cannot be read again, and are published as the log has them: %s", table, error)

    def _tell_gone(self, what: str, count: int, state: str) -> None:
        if self._fail:
            raise SourceRefused(
                f"{what} is {state}, so its values cannot be read again",
                "Set reselect.error.handling.mode=warn to publish such events as they are.",
            )
        more = f" and {count - 1} more are" if count > 1 else " is"
        log.warning("%s%s %s, and published as the log has it", what, more, state)


def columns_to_reread(settings: ReselectSettings, plan: RowPlan, key: Sequence[str]) -> tuple[int, ...]:
    """Return the places on the wire of the columns that are read again: captured ones that are chosen, and not in the key."""
    if plan.table is None or not key:
        return ()
    table = plan.table.id
    return tuple(
        at
        for at, name in enumerate(plan.names)
        if plan.targets[at] >= 0 and settings.columns.matches(f"{table}:{name}") and name not in key
    )


async def until_visible(attempt: Callable[[], Awaitable[T | None]], why: str) -> T:
    """Try, with pauses, until the server shows what it has sent: then the attempt returns something. `why` says what it may wait for."""
    waited = 0.0
    for pause in _pauses():
        found = await attempt()
        if found is not None:
            return found
        await asyncio.sleep(pause)
        if waited < TOLD_AFTER <= waited + pause:
            log.warning(
                "columns cannot be read again as yet: the server does not show transactions that it has sent already. %s",
                why,
            )
        waited += pause
    raise AssertionError("there is always another pause")


def _pauses() -> Iterator[float]:
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE)


def _version(table: Table) -> tuple[TableId, tuple[str, ...]]:
    # A table is another object once a null was seen in it; its cells are the same.
    return table.id, tuple(column.name for column in table.columns)
