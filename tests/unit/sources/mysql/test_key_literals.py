"""Bytes of row images as literals of SQL; that the servers find rows by them is shown in the integration tests."""

from __future__ import annotations

import pytest

from cdc.errors import ConversionError
from cdc.sources.mysql.binlog.image_types import ColumnType
from cdc.sources.mysql.binlog.table_map import ImageColumn
from cdc.sources.mysql.ddl.definitions import ColumnDefinition
from cdc.sources.mysql.reselection.key_literals import to_literal

LATIN1_SWEDISH = 8
CASES = {
    "signed": (("SMALLINT",), ImageColumn(ColumnType.SHORT), "feff", "-2"),
    "unsigned": (("BIGINT UNSIGNED",), ImageColumn(ColumnType.LONGLONG), "ff" * 8, "18446744073709551615"),
    "decimal": (("DECIMAL", 5, 2), ImageColumn(ColumnType.NEWDECIMAL, 5, 2), "7f84d2", "-123.45"),
    "float": (("FLOAT",), ImageColumn(ColumnType.FLOAT, 4), "cdcccc3d", "0.10000000149011612"),
    "bit": (("BIT", 12), ImageColumn(ColumnType.BIT, 12), "0801", "2049"),
    "year": (("YEAR",), ImageColumn(ColumnType.YEAR), "7c", "2024"),
    "no year": (("YEAR",), ImageColumn(ColumnType.YEAR), "00", "0"),
    "text": (("VARCHAR", 9), ImageColumn(ColumnType.VARCHAR, 9, collation=LATIN1_SWEDISH), "e9", "_latin1 x'e9'"),
    "binary": (("BINARY", 4), ImageColumn(ColumnType.STRING, 4), "61", "x'61000000'"),
    "blob": (("BLOB",), ImageColumn(ColumnType.BLOB, 2), "", "x''"),
    "date": (("DATE",), ImageColumn(ColumnType.DATE), "5dd00f", "'2024-02-29'"),
    "no date": (("DATE",), ImageColumn(ColumnType.DATE), "000000", "'0000-00-00'"),
    "datetime": (("DATETIME", 3), ImageColumn(ColumnType.DATETIME2, 3), "99b2bb7efb1388", "'2024-02-29 23:59:59.500'"),
    "no datetime": (("DATETIME",), ImageColumn(ColumnType.DATETIME2), "8000000000", "'0000-00-00 00:00:00'"),
    "timestamp": (("TIMESTAMP", 2), ImageColumn(ColumnType.TIMESTAMP2, 2), "0000000105", "FROM_UNIXTIME(1.05)"),
    "no timestamp": (("TIMESTAMP",), ImageColumn(ColumnType.TIMESTAMP2), "00000000", "'0000-00-00 00:00:00'"),
    "time": (("TIME",), ImageColumn(ColumnType.TIME2), "80c883", "'12:34:03'"),
    "negative time": (("TIME", 2), ImageColumn(ColumnType.TIME2, 2), "7fffffce", "'-00:00:00.50'"),
    "odd digits": (("TIME", 1), ImageColumn(ColumnType.TIME2, 1), "80000132", "'00:00:01.5'"),
}


@pytest.mark.parametrize(("column", "image", "raw", "expected"), CASES.values(), ids=CASES)
def test_a_value(column, image, raw, expected):
    kind, length, scale = (*column, None, None)[:3]
    literal = to_literal(ColumnDefinition(name="c", type=kind, length=length, scale=scale), image)
    assert literal is not None
    assert literal(bytes.fromhex(raw)) == expected


def test_a_label_is_escaped():
    column = ColumnDefinition(name="c", type="ENUM", values=("a", "it's"), charset="utf8mb4")
    literal = to_literal(column, ImageColumn(ColumnType.ENUM, 1))
    assert literal is not None
    assert literal(b"\x02") == "'it''s'"


@pytest.mark.parametrize(
    ("kind", "image"),
    [
        ("JSON", ImageColumn(ColumnType.JSON, 4)),
        ("POINT", ImageColumn(ColumnType.GEOMETRY, 4)),
        ("DATETIME", ImageColumn(ColumnType.DATETIME)),
        ("VARCHAR", ImageColumn(ColumnType.VARCHAR_COMPRESSED, 9)),
    ],
)
def test_rows_are_not_found_by_every_type(kind, image):
    assert to_literal(ColumnDefinition(name="c", type=kind), image) is None


def test_a_character_set_that_is_not_known():
    with pytest.raises(ConversionError, match="60000"):
        to_literal(
            ColumnDefinition(name="c", type="VARCHAR", length=1), ImageColumn(ColumnType.VARCHAR, 1, collation=60000)
        )
