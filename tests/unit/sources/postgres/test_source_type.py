"""Length and scale of types: expected are the values of Debezium's records, and of the JDBC driver's documentation."""

import pytest

from cdc.sources.columns.layout import WireColumn
from cdc.sources.columns.resolved import UNKNOWN_LENGTH, source_parameters
from cdc.sources.postgres.schema.source_type import column_length, column_scale

NUMERIC_10_2 = (10 << 16 | 2) + 4
NUMERIC_6_MINUS_2 = (6 << 16 | -2 & 0x7FF) + 4


@pytest.mark.parametrize(
    ("oid", "typmod", "length", "scale"),
    [
        (23, -1, 10, 0),
        (1007, -1, 10, 0),
        (21, -1, 5, 0),
        (20, -1, 19, 0),
        (16, -1, 1, 0),
        (701, -1, 17, 17),
        (1043, 24, 20, 0),
        (1043, -1, UNKNOWN_LENGTH, 0),
        (1042, 7, 3, 0),
        (25, -1, UNKNOWN_LENGTH, 0),
        (1700, NUMERIC_10_2, 10, 2),
        (1700, NUMERIC_6_MINUS_2, 6, -2),
        (1700, -1, 0, 0),
        (1114, 3, 26, 3),
        (1114, -1, 29, 6),
        (1114, 0, 22, 0),
        (1184, 1, 31, 1),
        (1082, -1, 13, 0),
        (1562, 24, 24, 0),
        (2950, -1, UNKNOWN_LENGTH, 0),
    ],
)
def test_length_and_scale(oid, typmod, length, scale):
    assert (column_length(oid, typmod), column_scale(oid, typmod)) == (length, scale)


def test_the_parameters_name_type_and_column():
    assert source_parameters(WireColumn("ä", "varchar", 20, 0, None).told) == {
        "__debezium.source.column.type": "VARCHAR",
        "__debezium.source.column.length": "20",
        "__debezium.source.column.scale": "0",
        "__debezium.source.column.name": "ä",
    }
