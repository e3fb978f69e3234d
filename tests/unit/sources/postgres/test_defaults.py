"""Schema defaults from the expressions that pg_get_expr prints."""

import pytest

from cdc.config.settings import DecimalMode, TimeMode
from cdc.model.schema import Decimal
from cdc.sources.postgres.schema.handling import ValueHandling
from cdc.sources.postgres.schema.types import PgType, TypeResolver

MOOD, POSINT = 16384, 16385
TYPES = {
    MOOD: PgType(MOOD, "mood", "public", "e", "E", labels=("sad", "ok")),
    POSINT: PgType(POSINT, "posint", "public", "d", "N", base_oid=23),
}
NUMERIC_10_2 = (10 << 16 | 2) + 4
NUMERIC_12_0 = (12 << 16) + 4


def default(oid, typmod, expression, **handling):
    column = TypeResolver(TYPES, ValueHandling(**handling)).resolve(oid, typmod, default=expression)
    assert column is not None
    return column.schema.default


@pytest.mark.parametrize(
    ("oid", "typmod", "expression", "value"),
    [
        (23, -1, "42", 42),
        (20, -1, "'-7'::integer", -7),
        (23, -1, "'5'::integer", 5),
        (20, -1, "'9223372036854775807'::bigint", 2**63 - 1),
        (25, -1, "'it''s'::text", "it's"),
        (25, -1, "'two\nlines \\ '::text", "two\nlines \\ "),
        (25, -1, "5", "5"),
        (25, -1, "'now()'::text", "now()"),
        (1043, 14, "''::character varying", ""),
        (1043, 14, "'a'::character varying(10)", "a"),
        (1042, 7, "'a'::bpchar", "a"),
        (1700, NUMERIC_10_2, "1.5", Decimal(150, 2)),
        (1700, NUMERIC_10_2, "'-1.5'::numeric", Decimal(-150, 2)),
        (1700, NUMERIC_12_0, "0.0", Decimal(0, 0)),
        (16, -1, "true", True),
        (16, -1, "false", False),
        (1082, -1, "'2020-02-03'::date", 18295),
        (1114, -1, "'2020-02-03 04:05:06.7'::timestamp without time zone", 1580702706700000),
        (1114, 3, "'2020-02-03 04:05:06.7'::timestamp(3) without time zone", 1580702706700),
        (1184, -1, "'2020-02-03 02:05:06+00'::timestamp with time zone", "2020-02-03T02:05:06.000000Z"),
        (1083, -1, "'04:05:06'::time without time zone", 14706000000),
        (1186, -1, "'1 day'::interval", 86400000000),
        (3802, -1, "'{\"a\": 1}'::jsonb", '{"a": 1}'),
        (2950, -1, "'00000000-0000-0000-0000-000000000001'::uuid", "00000000-0000-0000-0000-000000000001"),
        (701, -1, "1.25", 1.25),
        (701, -1, "'Infinity'::double precision", float("inf")),
        (1560, 3, "'101'::\"bit\"", b"\x05"),
        (1560, 3, "B'101'::\"bit\"", b"\x05"),
        (1560, 1, "'1'::\"bit\"", True),
        (MOOD, -1, "'ok'::mood", "ok"),
        (MOOD, -1, "'ok'::public.mood", "ok"),
        (MOOD, -1, "'ok'::public.\"Mood - all\"", "ok"),
    ],
)
def test_literals(oid, typmod, expression, value):
    assert default(oid, typmod, expression) == value


@pytest.mark.parametrize(
    ("oid", "typmod", "expression", "value"),
    [
        (23, -1, "nextval('sq'::regclass)", 0),
        (25, -1, "lower('ABC'::text)", ""),
        (25, -1, "CURRENT_USER", ""),
        (16, -1, "public.decide()", False),
        (1184, -1, "now()", "1970-01-01T00:00:00.000000Z"),
        (1184, 0, "CURRENT_TIMESTAMP(0)", "1970-01-01T00:00:00Z"),
        (1184, -1, "(now() + '1 day'::interval)", "1970-01-01T00:00:00.000000Z"),
        (1114, -1, "(now() AT TIME ZONE 'utc'::text)", 0),
        (1082, -1, "CURRENT_DATE", 0),
        (1083, -1, "LOCALTIME", 0),
        (1186, -1, "age(now())", 0),
        (2950, -1, "gen_random_uuid()", "00000000-0000-0000-0000-000000000000"),
        (3802, -1, "jsonb_build_object()", "{}"),
        (700, -1, "random()", 0.0),
        (1700, NUMERIC_10_2, "random()", Decimal(0, 2)),
        (1560, 1, "flag()", False),
        (1560, 3, "flags()", b""),
    ],
)
def test_zero_stands_for_what_a_function_computes(oid, typmod, expression, value):
    assert default(oid, typmod, expression) == value


@pytest.mark.parametrize(
    ("oid", "typmod", "expression"),
    [
        (23, -1, "(1 + 1)"),
        (23, -1, "NULL::integer"),
        (23, -1, "1.5"),
        (25, -1, "('a'::text || 'b'::text)"),
        (1082, -1, "('now'::text)::date"),
        (1700, -1, "2.25"),
        (1700, -1, "random()"),
        (1700, NUMERIC_10_2, "1.555"),
        (1700, NUMERIC_10_2, "'NaN'::numeric"),
        (17, -1, "'\\x01ff'::bytea"),
        (1007, -1, "'{1,2}'::integer[]"),
        (790, -1, "5"),
        (869, -1, "'10.0.0.1'::inet"),
        (MOOD, -1, "some_mood()"),
        (POSINT, -1, "5"),
        (23, -1, ""),
    ],
)
def test_no_default(oid, typmod, expression):
    assert default(oid, typmod, expression) is None


def test_defaults_follow_the_modes():
    assert default(1700, NUMERIC_10_2, "1.5", decimal=DecimalMode.STRING) == "1.50"
    assert default(1700, -1, "2.25", decimal=DecimalMode.STRING) == "2.25"
    assert default(1700, NUMERIC_10_2, "1.5", decimal=DecimalMode.DOUBLE) == 1.5
    assert default(1114, -1, "now()", time=TimeMode.ISOSTRING) == "1970-01-01T00:00:00Z"
    assert default(1082, -1, "'2020-02-03'::date", time=TimeMode.CONNECT) == 18295
    assert default(1114, -1, "'0001-01-01 00:00:00'::timestamp without time zone", time=TimeMode.NANOSECONDS) is None


def test_a_column_without_default():
    assert default(23, -1, None) is None
