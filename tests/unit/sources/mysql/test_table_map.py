"""TABLE_MAP from bytes."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdc.errors import DecodeError
from cdc.model.table import TableId
from cdc.sources.mysql.binlog.image_types import ColumnType
from cdc.sources.mysql.binlog.table_map import ImageColumn, parse_table_map, table_of
from cdc.sources.mysql.ddl.definitions import ColumnDefinition, TableDefinition
from cdc.sources.mysql.schema.row_metadata import definition_of, disagreement
from tests.unit.sources.mysql import row_events as r

TYPES = [
    (1, b""),
    (246, b"\x14\x06"),
    (15, b"\xf4\x01"),
    (254, b"\xfe\x0a"),
    (254, b"\xce\x20"),  # CHAR of 800 bytes: two bits of the length are flipped ones of the type
    (254, b"\xf7\x01"),
    (254, b"\xf8\x02"),
    (16, b"\x04\x01"),
    (18, b"\x03"),
    (252, b"\x03"),
    (255, b"\x04"),
    (245, b"\x04"),
    (242, b"\x04"),
]
NAMES = ["ti", "n", "v", "c", "long", "e", "s", "bit", "dt", "b", "g", "j", "vec"]
OPTIONAL = b"".join(
    [
        r.field(1, b"\x80"),
        r.field(2, b"\x2d\x03\x3f"),
        r.field(4, b"".join(bytes([len(name)]) + name.encode() for name in NAMES)),
        r.field(5, b"\x02\x01x\x01y"),
        r.field(6, b"\x01\x02\xc3\xbc"),
        r.field(7, b"\x01"),
        r.field(8, b"\x00"),
        r.field(10, b"\x2d"),
        r.field(12, b"\xff\xf0"),
        r.field(13, b"\x03"),
        r.field(99, b"later"),
    ]
)
EVENT = r.table_map(TYPES, nullable=[False] + [True] * 12, optional=OPTIONAL)


class TestColumns:
    def test_types_and_what_they_need(self):
        found = parse_table_map(EVENT)
        assert found.id == table_of(EVENT) == TableId("d", "t")
        assert [(column.type.name, column.length, column.scale) for column in found.columns] == [
            ("TINY", 0, 0),
            ("NEWDECIMAL", 20, 6),
            ("VARCHAR", 500, 0),
            ("STRING", 10, 0),
            ("STRING", 0x320, 0),
            ("ENUM", 1, 0),
            ("SET", 2, 0),
            ("BIT", 12, 0),
            ("DATETIME2", 3, 0),
            ("BLOB", 3, 0),
            ("GEOMETRY", 4, 0),
            ("JSON", 4, 0),
            ("VECTOR", 4, 0),
        ]
        assert [column.nullable for column in found.columns] == [False] + [True] * 12

    def test_optional_metadata(self):
        found = parse_table_map(EVENT)
        columns = {column.name: column for column in found.columns}
        assert found.names == tuple(NAMES)
        assert (columns["ti"].unsigned, columns["n"].unsigned, columns["v"].unsigned) == (True, False, None)
        assert {name: column.collation for name, column in columns.items() if column.collation} == {
            "v": 45,
            "c": 45,
            "long": 45,
            "b": 63,
            "e": 45,
            "s": 45,
        }
        assert (columns["s"].labels, columns["e"].labels) == ((b"x", b"y"), (b"\xc3\xbc",))
        assert (columns["g"].geometry, columns["vec"].dimensions, found.primary_key) == (1, 3, (0,))
        assert [name for name, column in columns.items() if not column.visible] == ["vec"]

    def test_a_definition_is_made_of_it(self):
        found = definition_of(parse_table_map(EVENT))
        assert found is not None
        assert [column.type for column in found.columns] == [
            *(
                "TINYINT UNSIGNED",
                "DECIMAL",
                "VARCHAR",
                "CHAR",
                "CHAR",
                "ENUM",
                "SET",
                "BIT",
                "DATETIME",
                "MEDIUMBLOB",
                "POINT",
                "JSON",
            ),
            "VECTOR",
        ]
        assert (found.columns[2].length, found.columns[5].values, found.primary_key) == (125, ("ü",), ("ti",))

    def test_without_names_there_is_no_definition(self):
        bare = parse_table_map(r.table_map([(3, b"")]))
        assert bare.columns == (ImageColumn(ColumnType.LONG),)
        assert definition_of(bare) is None

    @pytest.mark.parametrize("more", [1, -1])
    def test_rows_with_more_columns_or_fewer_than_the_definition_do_not_fit_it(self, more):
        known = TableDefinition(
            id=TableId("d", "t"), columns=tuple(ColumnDefinition(name=name, type="INT") for name in "ab")
        )
        found = parse_table_map(r.table_map([(3, b"")] * (2 + more)))
        assert disagreement(known, found) == f"d.t is defined with 2 columns, and has {2 + more} in the binlog"

    def test_a_key_on_prefixes_is_one_too(self):
        found = parse_table_map(r.table_map([(3, b""), (15, b"\x64\x00")], optional=r.field(9, b"\x01\x05\x00\x00")))
        assert found.primary_key == (1, 0)


class TestWrongBytes:
    def test_an_unknown_type_names_its_table(self):
        with pytest.raises(DecodeError, match=r"d\.t has a column of the unknown type 200"):
            parse_table_map(r.table_map([(200, b"")]))
        assert table_of(r.table_map([(200, b"")])) == TableId("d", "t")

    @pytest.mark.parametrize(
        ("kind", "metadata"),
        [
            *((kind, bytes([length])) for kind in (252, 140, 245, 255, 242) for length in (0, 5, 255)),
            *((kind, bytes([7])) for kind in (17, 18, 19)),
            *((16, metadata) for metadata in (b"\0\0", b"\1\x08", b"\xff\xff")),
            *((246, metadata) for metadata in (b"\0\0", b"\x42\0", b"\5\6", b"\5\xfa")),
            *((254, metadata) for metadata in (b"\xf7\0", b"\xf7\3", b"\xc7\1", b"\xf8\x09")),
        ],
    )
    def test_a_length_that_its_type_cannot_have_is_told(self, kind, metadata):
        with pytest.raises(DecodeError, match=r"d\.t has a column .* length is"):
            parse_table_map(r.table_map([(kind, metadata)]))

    def test_cut_off_it_is_an_error_or_says_less(self):
        whole = parse_table_map(EVENT)
        for size in range(len(EVENT)):
            try:
                found = parse_table_map(EVENT[:size])
            except DecodeError:
                continue
            assert [(c.type, c.length) for c in found.columns] == [(c.type, c.length) for c in whole.columns]

    @given(st.integers(19, len(EVENT) - 1), st.integers(0, 255))
    def test_a_changed_byte_is_an_error_or_another_table(self, at, byte):
        with suppress(DecodeError):
            parse_table_map(EVENT[:at] + bytes([byte]) + EVENT[at + 1 :])
