"""Which tables of a transaction are shown when several views have read them."""

from __future__ import annotations

from dataclasses import dataclass, field

from cdc.model.table import Table
from cdc.sources.columns.row import RowPlan
from cdc.sources.postgres.wal.position import PostgresPosition, SnapshotPart, Visibility
from cdc.sources.postgres.wal.relation import Relation
from cdc.sources.postgres.wal.table_views import PublishedTables, TableViews, completed
from tests.unit.sources.postgres.stream import table

#: The first view has seen transactions before 10, the second one those before 20 but for 15; from 1000 on neither has seen any.
FIRST, SECOND = Visibility("10:10:", 500), Visibility("15:20:15", 1000)


@dataclass
class Stream:
    """Knows which tables are decoded."""

    shown: dict[int, Table | None] = field(default_factory=dict)

    def bind(self, oid: int, plan: RowPlan) -> None:
        self.shown[oid] = plan.table

    def describe(self, views: TableViews, *names: str) -> None:
        for oid, name in enumerate(names):
            relation = Relation(oid, "public", name, "d", ())
            self.bind(oid, views.plan(relation, RowPlan(table("id", name=name), [None], (-1,))))

    @property
    def tables(self) -> set[str]:
        return {found.id.table for found in self.shown.values() if found is not None}


def views_of(stream: Stream, *parts: SnapshotPart) -> TableViews:
    return TableViews(PostgresPosition(1, visibility=SECOND, parts=parts), stream.bind)


class TestTransactions:
    def test_each_shows_the_tables_whose_view_has_not_seen_it(self):
        stream = Stream()
        views = views_of(stream, SnapshotPart(FIRST, ("public.whole",), ("public.part",)))
        stream.describe(views, "whole", "part", "late")
        assert views.sees(100, 9), "both views have seen it"
        seen = {}
        for commit, xid in ((100, 12), (200, 15), (300, 25), (1000, 16)):
            assert not views.sees(commit, xid)
            seen[xid] = stream.tables
        everything = {"whole", "part", "late"}
        assert seen == {12: {"whole", "part"}, 15: everything, 25: everything, 16: everything}

    def test_a_table_that_is_described_inside_a_transaction_is_hidden_in_it_too(self):
        stream = Stream()
        views = views_of(stream, SnapshotPart(FIRST, ("public.whole",)))
        views.sees(100, 12)
        stream.describe(views, "whole", "late")
        assert stream.tables == {"whole"}
        views.sees(200, 25)
        assert stream.tables == {"whole", "late"}

    def test_the_view_of_the_slot_has_seen_nothing_of_its_log(self):
        stream = Stream()
        views = views_of(stream, SnapshotPart(None, ("public.whole",)))
        stream.describe(views, "whole", "late")
        assert not views.sees(100, 9)
        assert stream.tables == {"whole"}


class TestWhatIsPublished:
    def test_a_table_is_begun_and_then_complete(self):
        published = PublishedTables((), FIRST)
        published.begin("a")
        assert published.parts == (SnapshotPart(FIRST, (), ("a",)),)
        published.complete("a")
        published.begin("b")
        assert published.parts == (SnapshotPart(FIRST, ("a",), ("b",)),)

    def test_a_table_stays_with_the_view_that_began_it(self):
        published = PublishedTables((SnapshotPart(None, ("a",), ("b", "c")),), SECOND)
        for name in ("b", "d"):
            published.begin(name)
        published.complete("b")
        assert published.parts == (SnapshotPart(None, ("a", "b"), ("c",)), SnapshotPart(SECOND, (), ("d",)))
        assert completed(published.parts) == {"a", "b"}
