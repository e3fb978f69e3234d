"""Which tables a snapshot reads, and by which ranges."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cdc.config.filters import NameFilter, TableFilter
from cdc.config.history import HistorySettings
from cdc.config.mysql_settings import SYSTEM, MySqlSettings
from cdc.config.snapshot import SnapshotSettings, TableOrder
from cdc.model.table import TableId
from cdc.sources.mysql.snapshot.parts import FoundTable, range_conditions, remembered, to_read

TABLES = [FoundTable(TableId("d", name), rows) for name, rows in (("a", 5), ("b", 50), ("c", 1))]
TABLES.append(FoundTable(TableId("e", "a"), 9))


def settings(history: HistorySettings | None = None, snapshot: SnapshotSettings | None = None) -> MySqlSettings:
    tables = TableFilter(NameFilter.parse("d", what="database"), NameFilter.parse("d.b,d.a"), SYSTEM)
    return MySqlSettings(
        "h", "u", 1, "p", tables=tables, history=history or HistorySettings(), snapshot=snapshot or SnapshotSettings()
    )


def names(tables: list[FoundTable]) -> list[str]:
    return [str(table.id) for table in tables]


def holds(condition: str, value: int) -> bool:
    """Evaluate a condition as SQL does."""
    return bool(eval(condition.removeprefix(" WHERE ").replace("AND", "and").replace("`k`", str(value))))


@given(
    st.integers(-(2**63), 2**64 - 1),
    st.integers(0, 2**64),
    st.integers(2, 40),
    st.lists(st.integers(-(2**63), 2**64 - 1), min_size=1),
)
def test_each_integer_is_in_one_range_whatever_the_bounds(low, width, count, values):
    conditions = range_conditions("`k`", low, low + width, count)
    assert 1 <= len(conditions) <= count
    if conditions == [""]:
        assert width == 0
        return
    for value in (*values, low, low + width, low - 1, low + width + 1):
        assert sum(holds(condition, value) for condition in conditions) == 1


def test_the_range_of_the_key_is_shared_out_evenly():
    conditions = range_conditions("`k`", 1, 100, 4)
    counts = [sum(holds(condition, value) for value in range(1, 101)) for condition in conditions]
    assert counts == [25, 25, 25, 25]


def test_the_history_has_all_tables_or_those_of_captured_databases_or_captured_ones():
    assert names(remembered(settings(), TABLES)) == ["d.a", "d.b", "d.c", "e.a"]
    assert names(remembered(settings(HistorySettings(only_databases=True)), TABLES)) == ["d.a", "d.b", "d.c"]
    assert names(remembered(settings(HistorySettings(only_tables=True)), TABLES)) == ["d.a", "d.b"]


def test_captured_tables_are_read_in_the_order_of_the_list_or_of_their_rows():
    assert names(to_read(settings(), TABLES)) == ["d.b", "d.a"]
    ascending = SnapshotSettings(order=TableOrder.ASCENDING)
    assert names(to_read(settings(snapshot=ascending), TABLES)) == ["d.a", "d.b"]
    descending = SnapshotSettings(order=TableOrder.DESCENDING)
    assert names(to_read(settings(snapshot=descending), TABLES)) == ["d.b", "d.a"]


def test_a_table_that_is_left_out_of_the_snapshot_is_not_read():
    chosen = SnapshotSettings(include=NameFilter.parse("d.a"))
    assert names(to_read(settings(snapshot=chosen), TABLES)) == ["d.a"]
