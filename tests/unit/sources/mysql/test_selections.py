"""How rows are read again: by which SELECT, and of which tables not any more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cdc.config.filters import NameFilter
from cdc.config.mysql_settings import MySqlSettings
from cdc.config.post_processors import ReselectSettings
from cdc.errors import DefinitionMismatch
from cdc.model.table import TableId
from cdc.sources.mysql.binlog.image_types import ColumnType
from cdc.sources.mysql.binlog.table_map import ImageColumn, TableMap
from cdc.sources.mysql.ddl.definitions import ColumnDefinition, TableDefinition
from cdc.sources.mysql.reselection.reselection import query_of
from cdc.sources.mysql.reselection.selections import Selection, selection_of
from cdc.sources.mysql.schema.table_schema import TablePlans

SETTINGS = MySqlSettings("h", "u", 1, "p")
COLUMNS = (
    ColumnDefinition(name="a", type="INT", optional=False),
    ColumnDefinition(name="b`", type="VARCHAR", length=9, charset="latin1", optional=False),
    ColumnDefinition(name="f", type="FLOAT"),
    ColumnDefinition(name="t", type="TEXT", charset="utf8mb4"),
    ColumnDefinition(name="d", type="DATETIME", length=3),
)
TABLE = TableDefinition(id=TableId("s", "t"), columns=COLUMNS, primary_key=("b`", "a"))
IMAGES = TableMap(
    TABLE.id,
    (
        ImageColumn(ColumnType.LONG),
        ImageColumn(ColumnType.VARCHAR, 9),
        ImageColumn(ColumnType.FLOAT, 4),
        ImageColumn(ColumnType.BLOB, 2),
        ImageColumn(ColumnType.DATETIME2, 3),
    ),
)


def selected(
    table: TableDefinition = TABLE, images: TableMap = IMAGES, wanted: ReselectSettings | None = None
) -> Selection | None:
    return selection_of(TablePlans(SETTINGS), SETTINGS, wanted or ReselectSettings(), table, images)[1]


def needed(found: Selection | None) -> Selection:
    assert found is not None
    return found


def test_what_is_lacking_is_selected_as_a_snapshot_selects_it_by_the_key_in_its_order():
    found = needed(selected())
    keys = [found.literals([b"\xe9", b"\x07\0\0\0"]), found.literals([b"", b"\xff\xff\xff\xff"])]
    assert keys == [("_latin1 x'e9'", "7"), ("_latin1 x''", "-1")]
    first, second = "`b``` = _latin1 x'e9' AND `a` = 7", "`b``` = _latin1 x'' AND `a` = -1"
    assert query_of(found, (True, False, True), [key for key in keys if key]) == (
        f"SELECT CASE WHEN {first} THEN 0 WHEN {second} THEN 1 END, CAST(`f` AS DOUBLE), `d` FROM `s`.`t`"
        f" WHERE ({first}) OR ({second})"
    )


def test_a_key_that_the_log_does_not_carry_finds_nothing():
    found = needed(selected())
    assert found.literals([None, b"\x07\0\0\0"]) is None
    assert found.shown([None, b"\x07\0\0\0"]) == "none, 7"


def test_only_columns_that_are_chosen_are_read():
    found = needed(selected(wanted=ReselectSettings(NameFilter.parse(r"s\.t:(a|t)"))))
    assert list(found.columns) == ["t"]
    assert selected(wanted=ReselectSettings(NameFilter.parse(r"s\.t:a"))) is None


def test_rows_without_a_key_are_not_read():
    assert selected(replace(TABLE, primary_key=())) is None


def test_rows_are_not_found_by_every_type_and_that_is_told_once(caplog):
    columns = (replace(COLUMNS[0], type="DATETIME"), *COLUMNS[1:])
    images = replace(IMAGES, columns=(ImageColumn(ColumnType.DATETIME), *IMAGES.columns[1:]))
    plans = TablePlans(SETTINGS)
    for _ in range(2):
        table = replace(TABLE, columns=columns)
        assert selection_of(plans, SETTINGS, ReselectSettings(), table, images)[1] is None
    assert caplog.messages == ["values of s.t are not read again: rows are not found by a DATETIME"]


def test_rows_of_another_definition_are_refused_before_anything_else():
    fewer = replace(IMAGES, columns=IMAGES.columns[:1])
    with pytest.raises(DefinitionMismatch):
        selected(images=fewer)


@pytest.mark.parametrize(
    ("name", "more", "changed"),
    [
        ("t", {"type": "VARCHAR", "length": 300, "charset": "latin1"}, False),
        ("b`", {"type": "CHAR", "length": 200}, False),
        ("f", {"optional": False}, False),
        ("t", {"type": "BLOB", "charset": None}, True),
        ("f", {"type": "DOUBLE"}, True),
        ("d", {"length": 6}, True),
        ("a", {"type": "INT UNSIGNED"}, True),
        ("d", {"name": "e"}, True),
    ],
)
def test_columns_of_another_type_are_not_read(name, more, changed):
    now = replace(TABLE, columns=tuple(replace(c, **more) if c.name == name else c for c in COLUMNS))
    assert needed(selected()).changed_columns(now) == ([name] if changed else [])


def test_each_plan_of_a_table_is_told_apart():
    plans = [needed(selected()).gaps.plan.table for _ in range(2)]
    assert len({tuple(column.name for column in table.columns) for table in plans if table is not None}) == 2
