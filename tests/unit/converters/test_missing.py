"""What stands for required structs that the log lacks; the values are those that Debezium falls back to."""

import base64

import pytest

from cdc.config import TimeMode
from cdc.converters.missing import absent_value
from cdc.model.schema import Schema
from cdc.sources.postgres.schema.handling import ValueHandling
from cdc.sources.postgres.schema.types import PgType, TypeResolver

HANDLING = ValueHandling(time=TimeMode.STRUCTURED)
GEOGRAPHY, SPARSE = 16384, 16385
TYPES = {GEOGRAPHY: PgType(GEOGRAPHY, "geography"), SPARSE: PgType(SPARSE, "sparsevec")}


def required(oid: int) -> Schema:
    column = TypeResolver(TYPES, HANDLING).resolve(oid, not_null=True)
    assert column is not None
    return column.schema


@pytest.mark.parametrize(
    ("oid", "expected"),
    [
        (600, (0.0, 0.0, base64.b64decode("AQEAAAAAAAAAAAAAAAAAAAAAAAAA"), None)),
        (GEOGRAPHY, (bytes.fromhex("010700000000000000"), None)),
        (SPARSE, (0, ())),
        (1082, (1970, 1, 1, None)),
        (1083, (0, 0, 0, 0, None)),
        (1266, (0, 0, 0, 0, 0, None)),
        (1114, (1970, 1, 1, 0, 0, 0, 0, None, None)),
        (1184, (1970, 1, 1, 0, 0, 0, 0, 0, "Z", None, None)),
        (1186, (0, 0, 0, 0, 0, 0, 0, None)),
    ],
)
def test_a_required_struct(oid, expected):
    assert absent_value(required(oid)) == expected
    assert len(expected) == len(required(oid).fields)


@pytest.mark.parametrize("oid", [601, 602, 603, 604, 628, 718])
def test_a_shape_that_debezium_lets_be_null(oid):
    assert absent_value(required(oid)) is None
