"""The text that a real server sends, read by our decoders, against what the same server computes or sends in binary."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal as Number

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import class_row

from cdc.config.settings import DecimalMode, IntervalMode, TimeMode
from cdc.errors import ConversionError
from cdc.model.schema import Decimal
from cdc.sources.columns.resolved import ResolvedColumn
from cdc.sources.columns.values import decode_text
from cdc.sources.postgres.protocol.connection import SESSION_OPTIONS
from cdc.sources.postgres.schema.handling import ValueHandling
from cdc.sources.postgres.schema.types import SESSION_SETTINGS, PgType, TypeResolver
from cdc.sources.postgres.server.catalog import COLUMNS, TYPES, ColumnFacts

PLAIN = ValueHandling()

#: Values of each type as SQL, over the series n; and what their microseconds (or the like) are, computed by the server.
COMPUTED = {
    "date": (
        "date '4713-01-01 BC' + (random() * 2000000000)::int",
        "v - date '1970-01-01'",
        PLAIN,
    ),
    "timestamp": (
        "timestamp '4713-01-01 BC' + random() * interval '290000 years' + n * interval '1.000001 s'",
        "(extract(epoch from v) * 1000000)::bigint",
        PLAIN,
    ),
    "timestamp(3)": (
        "timestamp '1900-01-01' + random() * interval '300 years'",
        "(extract(epoch from v) * 1000)::bigint",
        PLAIN,
    ),
    "timestamp(2)": (
        "timestamp '1700-01-01' + random() * interval '500 years'",
        "(extract(epoch from v) * 1000000000)::bigint",
        ValueHandling(time=TimeMode.NANOSECONDS),
    ),
    "timestamptz": (
        "timestamptz '0001-01-02 UTC' + random() * interval '9000 years'",
        """to_char(v at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')""",
        PLAIN,
    ),
    "timestamptz(3)": (
        "timestamptz '0001-01-02 UTC' + random() * interval '9000 years'",
        """to_char(v at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')""",
        PLAIN,
    ),
    "time": ("time '00:00' + random() * interval '1 day'", "(extract(epoch from v) * 1000000)::bigint", PLAIN),
    "timetz": (
        "(timetz '00:00+00' + random() * interval '1 day') at time zone ((n % 29 - 14) * interval '1 hour 7 min 30 s')",
        "(v at time zone 'UTC')::time || 'Z'",
        PLAIN,
    ),
    "interval": (
        "(random() - 0.5) * 4000 * interval '1 month' + (random() - 0.5) * interval '4000 days' + (random() - 0.5) * interval '1000 hours'",
        (
            "((extract(year from v) * 12 + extract(month from v)) * 2629800000000 + extract(day from v) * 86400000000 + (extract(hour from v)"
            " * 3600 + extract(minute from v) * 60) * 1000000 + extract(microseconds from v))::bigint"
        ),
        PLAIN,
    ),
    "numeric": ("trim_scale(random()::numeric * 10::numeric ^ (n % 60 - 20))", "v", PLAIN),
    "numeric(30,7)": ("((random() - 0.5) * 10 ^ (n % 23))::numeric(30,7)", "v", PLAIN),
    "numeric(20,-3)": ("((random() - 0.5) * 10 ^ (n % 20))::numeric(20,-3)", "v", PLAIN),
    "money": ("((random() - 0.5) * 10 ^ (n % 16))::numeric::money", "v::numeric", PLAIN),
    "real": ("(random() - 0.5) * 10 ^ (n % 70 - 35)", "v::text::float8", PLAIN),
    "double precision": ("(random() - 0.5) * 10 ^ (n % 600 - 300)", "v", PLAIN),
    "bytea": ("sha512(n::text::bytea)", "v", PLAIN),
    "bigint": ("((random() - 0.5) * 2 ^ (n % 64))::bigint", "v", PLAIN),
    "uuid": ("gen_random_uuid()", "v::text", PLAIN),
    "text[]": ("array[md5(n::text), null, E'a\"b\\\\c,{}', '', 'NULL', ' ']", "v", PLAIN),
    "int[]": ("('[3:5]={1,NULL,' || n || '}')::int[]", "v", PLAIN),
    "numeric(10,2)[]": ("array[n / 100.0, null]", "v", PLAIN),
    "bytea[]": ("array[n::text::bytea, '\\x', null]", "v", PLAIN),
    "timestamp[]": (
        "array[timestamp '2024-02-29' + n * interval '1.5 s']",
        "array[(extract(epoch from v[1]) * 1000000)::bigint]",
        PLAIN,
    ),
}


@pytest.fixture
def server(database) -> Iterator[psycopg.Connection]:
    with closing(database.connect(options=SESSION_OPTIONS)) as connection:
        yield connection


def learn(server, oids) -> dict[int, PgType]:
    types: dict[int, PgType] = {}
    while oids:
        found = server.cursor(row_factory=class_row(PgType)).execute(TYPES, (list(oids),)).fetchall()
        types.update((kind.oid, kind) for kind in found)
        oids = {oid for kind in found for oid in (kind.base_oid, kind.element_oid) if oid}
    return types


def resolve(server, table, handling=PLAIN) -> dict[str, ResolvedColumn | None]:
    (oid,) = server.execute("select %s::regclass::oid", (table,)).fetchone()
    facts = server.cursor(row_factory=class_row(ColumnFacts)).execute(COLUMNS, (oid,)).fetchall()
    resolver = TypeResolver(learn(server, {fact.type_oid for fact in facts}), handling)
    return {
        fact.name: resolver.resolve(fact.type_oid, fact.typmod, not_null=fact.not_null, default=fact.default)
        for fact in facts
    }


def decoder_of(server, handling=PLAIN):
    column = resolve(server, "t", handling)["v"]
    assert column is not None
    return column.decoder


def texts(server, table, column) -> list[bytes]:
    """Return a column as COPY sends it, without its escapes."""
    with server.cursor().copy(
        sql.SQL("copy (select {} from {} order by n) to stdout").format(sql.Identifier(column), sql.Identifier(table))
    ) as copy:
        return [bytes(row[:-1]).replace(b"\\\\", b"\\") for row in copy]


@pytest.mark.parametrize("kind", COMPUTED)
def test_what_the_server_computes(server, kind):
    values, expected, handling = COMPUTED[kind]
    server.execute("select setseed(0.5)")
    server.execute(f"create table t as select n, ({values})::{kind} as v from generate_series(1, 2000) n")
    decoder = decoder_of(server, handling)
    computed = [row[0] for row in server.cursor(binary=kind != "uuid").execute(f"select {expected} from t order by n")]
    found = [decode_text(decoder, text) for text in texts(server, "t", "v")]
    assert len(found) == 2000
    assert found == computed


def test_what_text_means_does_not_depend_on_the_database(database):
    for name, value in (
        ("DateStyle", "German, DMY"),
        ("IntervalStyle", "sql_standard"),
        ("TimeZone", "America/St_Johns"),
        ("extra_float_digits", "-5"),
        ("bytea_output", "escape"),
    ):
        database.execute(
            sql.SQL("alter database {} set {} = {}").format(
                sql.Identifier(database.name), sql.Identifier(name), sql.Literal(value)
            )
        )
    with closing(database.connect(options=SESSION_OPTIONS)) as server:
        settings = {
            name: server.execute("select current_setting(%s)", (name,)).fetchone()[0] for name in SESSION_SETTINGS
        }
        assert settings == dict(SESSION_SETTINGS)
        assert server.execute(
            r"select '2024-02-29 12:00+01'::timestamptz::text, '1 day -1 s'::interval::text, '\x00'::bytea::text"
        ).fetchone() == (
            "2024-02-29 11:00:00+00",
            "1 day -00:00:01",
            "\\x00",
        )


SPECIAL = {
    "date": ("infinity", "-infinity", "0044-03-15 BC", "5874897-12-31", "4713-01-01 BC"),
    "timestamp": ("infinity", "-infinity", "0044-03-15 12:00:00.5 BC", "294276-12-31 23:59:59.999999", "4714-11-24 BC"),
    "timestamptz": (
        "infinity",
        "-infinity",
        "0044-03-15 12:00:00.5+00 BC",
        "294276-12-31 23:59:59+00",
        "1883-11-18 12:03:57-04:56:02",
    ),
    "time": ("24:00:00", "00:00"),
    "timetz": ("24:00:00+00", "24:00:00-05:30", "12:00+05:45:30"),
    "numeric": ("NaN", "Infinity", "-Infinity", "1e130000", "1e-16000"),
    "float8": ("NaN", "Infinity", "-Infinity", "-0", "5e-324", "1.7976931348623157e308"),
    "interval": ("infinity", "-infinity", "-178000000 years", "-1 mon +1 day -00:00:00.000001", "178000000 years"),
    "money": ("-92233720368547758.08", "92233720368547758.07"),
    "varbit": ("", "0", "101", "1" + "0" * 64),
    "inet": ("192.168.2.0/12", "::1"),
    "tsrange": ("[2019-03-31 15:30:00, infinity)", "empty"),
    "bpchar": ("x  ", ""),
    '"char"': ("x", ""),
}
VALUES = {
    "date": [2146033979, -2147472691, -735160, 2145042905, -2440550],
    "timestamp": [2**63 - 1, -(2**63), -63517780799500000, -9223372036853775810, -210866803200000000],
    "timestamptz": ["infinity", "-infinity", "-0043-03-15T12:00:00.500000Z", "+294276-12-31T23:59:59.000000Z", "1883-11-18T16:59:59.000000Z"],
    "time": ["24:00:00Z", "00:00:00Z"],
    "timetz": ["24:00:00Z", "05:30:00Z", "06:14:30Z"],
    "numeric": ["NAN", "POSITIVE_INFINITY", "NEGATIVE_INFINITY", "1" + "0" * 130000, "0." + "0" * 15999 + "1"],
    "interval": [
        "infinity",
        "-infinity",
        "P-178000000Y0M0DT0H0M0S",
        "P0Y-1M1DT0H0M-0.000001S",
        "P178000000Y0M0DT0H0M0S",
    ],
    "money": ["-92233720368547758.08", "92233720368547758.07"],
    "varbit": [b"", b"", b"\x05", bytes(8) + b"\x01"],
    "inet": ["192.168.2.0/12", "::1"],
    "tsrange": ['["2019-03-31 15:30:00",infinity)', "empty"],
    "bpchar": ["x  ", ""],
    '"char"': ["x", ""],
}  # fmt: skip


@pytest.mark.parametrize("kind", VALUES)
def test_special_values(server, kind):
    server.execute(f"create table t (n serial, v {kind})")
    server.cursor().executemany("insert into t(v) values (%s)", [(value,) for value in SPECIAL[kind]])
    handling = ValueHandling(
        decimal=DecimalMode.STRING,
        interval=IntervalMode.STRING,
        time=TimeMode.ISOSTRING if kind == "time" else TimeMode.ADAPTIVE,
    )
    decoder = decoder_of(server, handling)
    assert [decode_text(decoder, text) for text in texts(server, "t", "v")] == VALUES[kind]


def test_more_than_one_dimension(server):
    server.execute("create table t (n serial, v int[])")
    server.execute("insert into t(v) values ('{{1,2},{3,4}}')")
    with pytest.raises(ConversionError, match="dimension"):
        decode_text(decoder_of(server), texts(server, "t", "v")[0])


def test_defaults(server):
    """The table of Debezium's golden records, on this server's own expression texts."""
    server.execute("create type mood as enum ('sad', 'ok')")
    server.execute(
        r"""create table df (id int generated always as identity primary key, s serial, i int default 42, b bigint not null default -7,
        t text default 'it''s', v varchar(10) not null default '', n numeric(10,2) default 1.5, nv numeric default 2.25,
        bo boolean not null default true, d date default '2020-02-03', ts timestamp default '2020-02-03 04:05:06.7',
        tz timestamptz default '2020-02-03 04:05:06+02', ti time default '04:05:06', now_d timestamptz not null default '2001-01-01 00:00+00',
        fn text default lower('ABC'), ar int[] default '{1,2}', j jsonb default '{"a": 1}', by bytea default '\x01ff',
        u uuid not null default '00000000-0000-0000-0000-000000000001', f float8 default 1.25, bt bit(3) default B'101',
        iv interval default '1 day', m money default 5, nul int default null, g int generated always as (i * 2) stored,
        nw timestamptz not null default now(), cd date not null default current_date, h text not null default md5('x'),
        rn numeric not null default random(), e int not null default 1 + 1, c int not null default '5'::int, mo mood default 'ok',
        gu uuid default gen_random_uuid(), neg numeric(10,2) default -1.5, odd text default E'a\\b''c\nd', b1 bit(1) default B'1')"""
    )
    found = {name: column.schema.default for name, column in resolve(server, "df").items()}  # type: ignore[union-attr]
    assert {name: value for name, value in found.items() if value is not None} == {
        "s": 0,
        "i": 42,
        "b": -7,
        "t": "it's",
        "v": "",
        "n": Decimal(150, 2),
        "bo": True,
        "d": 18295,
        "ts": 1580702706700000,
        "tz": "2020-02-03T02:05:06.000000Z",
        "ti": 14706000000,
        "now_d": "2001-01-01T00:00:00.000000Z",
        "fn": "",
        "j": '{"a": 1}',
        "u": "00000000-0000-0000-0000-000000000001",
        "f": 1.25,
        "bt": b"\x05",
        "iv": 86400000000,
        "nw": "1970-01-01T00:00:00.000000Z",
        "cd": 0,
        "h": "",
        "c": 5,
        "mo": "ok",
        "gu": "00000000-0000-0000-0000-000000000000",
        "neg": Decimal(-150, 2),
        "odd": "a\\b'c\nd",
        "b1": True,
    }


def test_types_outside_pg_catalog(server):
    server.execute(
        """create type mood as enum ('sad', 'ok', 'it''s, fine'); create domain posint as int check (value > 0);
        create domain posint2 as posint; create domain amount as numeric(10,2); create domain mooddom as mood; create domain tags as text[];
        create type pair as (a int, b text);
        create table t (n serial, e mood, es mood[], d posint, d2 posint2, a amount, md mooddom, tg tags, p pair, ps posint[], l pg_lsn, q tsquery)"""
    )
    server.execute(
        "insert into t values (1, 'it''s, fine', '{sad,\"it''s, fine\"}', 5, 7, 12.34, 'sad', '{a}', (1, 'b'), '{1}', '0/0', 'a')"
    )
    columns = resolve(server, "t")
    found = {
        name: decode_text(column.decoder, texts(server, "t", name)[0])
        for name, column in columns.items()
        if column is not None
    }
    assert found == {
        "n": 1,
        "e": "it's, fine",
        "es": ["sad", "it's, fine"],
        "d": 5,
        "d2": 7,
        "a": Number("12.34"),
        "md": "sad",
        "tg": ["a"],
    }
    assert columns["md"].schema.parameters == {"allowed": "sad,ok,it's, fine"}  # type: ignore[union-attr]
    assert columns["a"].schema.parameters == {"scale": "2", "connect.decimal.precision": "10"}  # type: ignore[union-attr]


def test_unknown_types_are_the_text_of_the_server(server):
    server.execute("create type pair as (a int, b text); create domain posint as int; create domain pairs as pair[]")
    server.execute(
        """create table t (n serial, p pair, ps pair[], d posint[], pd pairs, r int4multirange, q tsquery, l pg_lsn, s xid8,
        m money[], x point[], i interval[])"""
    )
    server.execute(
        """insert into t values (1, (1, 'a "b"'), array[(1, 'x')::pair, (2, null)::pair], '{1,2}', array[(3, '')::pair], '{[1,3),[5,6)}',
        'fat & rat', '16/B374D848', '42', '{1}', array[point '(1,2)'], '{1 day}')"""
    )
    columns = resolve(server, "t", ValueHandling(include_unknown=True))
    found = {
        name: decode_text(column.decoder, texts(server, "t", name)[0])
        for name, column in columns.items()
        if column is not None
    }
    assert found == {
        "n": 1,
        "p": b'(1,"a ""b""")',
        "ps": [b"(1,x)", b"(2,)"],
        "d": [b"1", b"2"],
        "pd": [b'(3,"")'],
        "r": b"{[1,3),[5,6)}",
        "q": b"'fat' & 'rat'",
        "l": b"16/B374D848",
        "s": b"42",
    }
