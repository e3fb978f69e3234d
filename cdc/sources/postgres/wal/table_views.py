"""Which changes follow a snapshot that was interrupted and went on: of each table those that its own view has not seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from cdc.sources.columns.row import RowPlan
from cdc.sources.postgres.wal.position import PostgresPosition, SnapshotPart, Visibility
from cdc.sources.postgres.wal.relation import Relation


@dataclass(slots=True)
class _Group:
    """Tables whose rows came from the same view; `plans` are those of their relations, by OID, as if all were wanted."""

    visibility: Visibility | None
    shown: bool = True
    plans: dict[int, RowPlan] = field(default_factory=dict)


class TableViews:
    """Shows and hides tables of the stream at the beginning of each transaction; owned by one source.

    `bind` is the decoder's: it is told how rows of a table are decoded, or that they are not.
    """

    def __init__(self, position: PostgresPosition, bind: Callable[[int, RowPlan], None]) -> None:
        self._bind = bind
        self._others = _Group(position.visibility)
        self._groups = [self._others]
        self._by_table: dict[str, _Group] = {}
        for part in position.parts:
            group = _Group(part.visibility)
            self._groups.append(group)
            for table in (*part.complete, *part.begun):
                self._by_table.setdefault(table, group)

    def sees(self, commit_lsn: int, xid: int) -> bool:
        """Tell whether all views have seen a transaction that begins; otherwise show the tables alone whose view has not."""
        for group in self._groups:
            seen = group.visibility is not None and group.visibility.sees(commit_lsn, xid)
            self._show(group, shown=not seen)
        return not any(group.shown for group in self._groups)

    def plan(self, relation: Relation, plan: RowPlan) -> RowPlan:
        """Return how rows of a relation are decoded now, when `plan` is how they are in general."""
        group = self._by_table.get(f"{relation.schema}.{relation.table}", self._others)
        group.plans[relation.oid] = plan
        return plan if group.shown else _hidden(plan)

    def _show(self, group: _Group, *, shown: bool) -> None:
        if group.shown is not shown:
            group.shown = shown
            for oid, plan in group.plans.items():
                self._bind(oid, plan if shown else _hidden(plan))


def _hidden(plan: RowPlan) -> RowPlan:
    """Return the plan of a relation whose rows are passed over."""
    return RowPlan(None, [None] * len(plan.targets), (-1,) * len(plan.targets))


class PublishedTables:
    """Writes down which tables a snapshot has read, for the offset of one that is published in parts; owned by one snapshot.

    `earlier` are the parts of views before this one. A table stays with the view that began it: what was deleted between two views comes
    from the log alone.
    """

    def __init__(self, earlier: Sequence[SnapshotPart], visibility: Visibility | None) -> None:
        self._earlier = tuple(earlier)
        self._visibility = visibility
        self._known = {table for part in earlier for table in (*part.complete, *part.begun)}
        self._complete: dict[str, None] = {}
        self._begun: dict[str, None] = {}
        self._parts: tuple[SnapshotPart, ...] | None = None

    def begin(self, table: str) -> None:
        """Note that rows of a table are in the batches."""
        if table not in self._begun:
            self._begun[table] = None
            self._parts = None

    def complete(self, table: str) -> None:
        """Note that all rows of a table are in the batches."""
        self._begun.pop(table, None)
        self._complete[table] = None
        self._parts = None

    @property
    def parts(self) -> tuple[SnapshotPart, ...]:
        """What the views have published when all batches so far are."""
        if self._parts is None:
            mine = SnapshotPart(self._visibility, self._new(self._complete), self._new(self._begun))
            self._parts = (*map(self._moved, self._earlier), mine)
        return self._parts

    def _new(self, tables: Iterable[str]) -> tuple[str, ...]:
        return tuple(table for table in tables if table not in self._known)

    def _moved(self, part: SnapshotPart) -> SnapshotPart:
        """Return an earlier part, with the tables that are complete by now."""
        done = tuple(table for table in part.begun if table in self._complete)
        left = tuple(table for table in part.begun if table not in self._complete)
        return replace(part, complete=(*part.complete, *done), begun=left)


def completed(parts: Iterable[SnapshotPart]) -> set[str]:
    """Return the tables that are published whole."""
    return {table for part in parts for table in part.complete}
