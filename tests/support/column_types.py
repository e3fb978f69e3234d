"""Random values of every column type that is published, as PostgreSQL reads them, and what psycopg's loaders make of them.

A kind says how our value (as `ChangeEvent` has it, under the default modes) agrees with the one that psycopg loads.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import psycopg
from hypothesis import strategies as st
from psycopg.adapt import Transformer
from psycopg.types import TypeInfo
from psycopg.types.hstore import register_hstore

EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - timestamps without time zone
MICROSECOND = dt.timedelta(microseconds=1)
LOADERS = Transformer()
EXTENSIONS = ("citext", "hstore", "isn", "ltree", "vector")

#: Whether our value agrees with the one that psycopg has loaded from a column of the type with this OID.
Agreement = Callable[[Any, Any, int], bool]


@dataclass(frozen=True, slots=True)
class Kind:
    """A column type: its name, texts that its input function takes, and how its values agree.

    `agrees` is None where psycopg has no loader, or one that reads less than the type holds. `element` is the agreement in an array where
    that is another one; `in_arrays` is False where Debezium has no schema for arrays of the type. `nullable` says whether those may hold NULL.
    """

    name: str
    texts: st.SearchStrategy[str]
    agrees: Agreement | None
    element: Agreement | None = None
    in_arrays: bool = True
    nullable: bool = True
    delimiter: str = ","


def prepare(connection: psycopg.Connection[Any]) -> None:
    """Create what the kinds need in the connection's database."""
    for name in EXTENSIONS:
        connection.execute(f"create extension if not exists {name}".encode())
    connection.execute("create type mood as enum ('sad', 'ok', 'it''s, \"fine\"', 'NULL')")


def register(connection: psycopg.Connection[Any]) -> None:
    """Let a connection load hstore as a dict, and arrays of the extensions' types and of the enum as lists."""
    for name in ("citext", "halfvec", "hstore", "isbn", "ltree", "mood", "sparsevec", "vector"):
        info = TypeInfo.fetch(connection, name)
        assert info is not None
        info.register(connection)
        if name == "hstore":
            register_hstore(info, connection)


# How values agree ------------------------------------------------------------------------------------------------------------------


def same(ours: Any, loaded: Any, _oid: int) -> bool:
    return repr(ours) == repr(loaded) if isinstance(loaded, float) else bool(ours == loaded)


def reads(ours: Any, loaded: Any, oid: int) -> bool:
    """Our text is one that psycopg loads the same value from."""
    return bool(LOADERS.get_loader(oid, 0).load(ours.encode()) == loaded)  # type: ignore[arg-type]


def finite(ours: Any, loaded: Decimal, _oid: int) -> bool:
    """NaN and the infinities are none of Connect's Decimal, and become null."""
    return bool(ours == loaded) if loaded.is_finite() else ours is None


def days(ours: int, loaded: dt.date, _oid: int) -> bool:
    return ours == (loaded - EPOCH.date()).days


def micros(loaded: dt.datetime) -> int:
    return (loaded - EPOCH) // MICROSECOND


def clock(loaded: dt.time) -> int:
    return micros(dt.datetime.combine(EPOCH, loaded))


def utc(ours: str, loaded: dt.datetime, _oid: int) -> bool:
    return dt.datetime.fromisoformat(ours) == loaded


def zoned_clock(ours: str, loaded: dt.time, _oid: int) -> bool:
    offset = loaded.utcoffset()
    assert offset is not None
    moment = dt.datetime.combine(EPOCH + dt.timedelta(days=2), loaded.replace(tzinfo=None)) - offset
    return dt.time.fromisoformat(ours.removesuffix("Z")) == moment.time()


def dollars(ours: Decimal, loaded: str, _oid: int) -> bool:
    return ours == Decimal(re.sub(r"[$,]", "", loaded))


def bits(ours: bytes, loaded: str, _oid: int) -> bool:
    number = int(loaded or "0", 2)
    return ours == number.to_bytes((number.bit_length() + 7) // 8, "little")


def numbers(text: str) -> list[float]:
    """Return the numbers in a text such as `<(1,2),3>`."""
    return [float(each) for each in re.split(r"[^-+0-9.eEInfinityNa]+", text) if each]


def point(ours: dict[str, Any], x: float, y: float) -> bool:
    return repr(ours) == repr({"x": x, "y": y, "wkb": struct.pack("<BIdd", 1, 1, x, y), "srid": None})


def shape(kind: int, name: str) -> Agreement:
    """Return the agreement of a type that becomes WKB: of a line string (`kind` 2) or a polygon (3)."""

    def agrees(ours: dict[str, Any], loaded: str, _oid: int) -> bool:
        found = numbers(loaded)
        if name == "box":
            a, b, c, d = found
            found = [a, b, a, d, c, d, c, b, a, b]
        elif name == "polygon" and len(found) > 2 and found[:2] != found[-2:]:
            found += found[:2]
        rings = struct.pack("<I", 1) if kind == 3 else b""
        wkb = struct.pack("<BI", 1, kind) + rings + struct.pack(f"<I{len(found)}d", len(found) // 2, *found)
        extensions = {"type": name} | ({"closed": str(loaded[0] == "(").lower()} if name == "path" else {})
        return ours == {"wkb": wkb, "srid": None, "extensions": extensions}

    return agrees


def circle(ours: dict[str, Any], loaded: str, _oid: int) -> bool:
    x, y, radius = numbers(loaded)
    return ours["radius"] == radius and point(ours["center"], x, y)


def sparse(ours: dict[str, Any], loaded: str, _oid: int) -> bool:
    pairs, _, dimensions = loaded.partition("/")
    found = (each.split(":") for each in pairs.strip("{}").split(",") if each)
    return ours == {"dimensions": int(dimensions), "vector": {int(at): float(number) for at, number in found}}


# Values ----------------------------------------------------------------------------------------------------------------------------


def listed(*texts: str) -> st.SearchStrategy[str]:
    return st.sampled_from(texts)


def integers(size: int) -> st.SearchStrategy[str]:
    limit = 1 << size - 1
    return st.integers(-limit, limit - 1).map(str)


def floats(width: Literal[32, 64]) -> st.SearchStrategy[str]:
    written = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}
    return st.floats(width=width, allow_subnormal=False).map(repr).map(lambda text: written.get(text, text))


def stamps(first: int, last: int, pattern: str) -> st.SearchStrategy[str]:
    moments = st.datetimes(dt.datetime(first, 1, 1), dt.datetime(last, 12, 31))  # noqa: DTZ001
    return moments.map(lambda moment: format(moment, pattern).replace("~", f"{moment.year:04}"))


letters = st.characters(codec="utf-8", exclude_characters="\0")
texts = st.text(letters, max_size=12) | listed("NULL", '"', "\\", "{}", ",", "\\N", "\t\n\r", " ", "", "\\.", "ß日本😀")
numerics = st.decimals(allow_nan=False, allow_infinity=False).map(lambda number: f"{number:f}")
offsets = st.builds("{:+03}:{:02}".format, st.integers(-15, 15), st.integers(0, 59))
times = st.times().map(str)
coordinates = st.floats(-1e9, 1e9, allow_subnormal=False).map(repr)
points = st.builds("({},{})".format, coordinates, coordinates)
point_lists = st.lists(points, min_size=1, max_size=5).map(",".join)
# Neither null, which psycopg loads as it does NULL, nor a list, which looks like one more dimension of an array.
json_texts = (
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(10**9), 10**9)
        | st.text(st.characters(codec="ascii", min_codepoint=32)),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
        max_leaves=5,
    )
    .filter(lambda value: value is not None and not isinstance(value, list))
    .map(json.dumps)
)
small = st.integers(-1000, 1000)
ranges = st.tuples(small, st.integers(0, 50)).map(lambda pair: f"[{pair[0]},{sum(pair)}]")
days_ = st.dates(dt.date(1900, 1, 1)).map(str)
hstores = st.dictionaries(texts, st.none() | texts, max_size=6).map(
    lambda pairs: ", ".join(
        f"{quoted(key)}=>{'NULL' if value is None else quoted(value)}" for key, value in pairs.items()
    )
)


def quoted(text: str) -> str:
    """Write a text as arrays and hstore take it."""
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def vectors(size: int) -> st.SearchStrategy[str]:
    return st.lists(st.integers(-100, 100).map(lambda n: str(n / 8)), min_size=size, max_size=size).map(
        lambda each: f"[{','.join(each)}]"
    )


KINDS = (
    Kind("smallint", integers(16), same),
    Kind("integer", integers(32), same),
    Kind("bigint", integers(64), same),
    Kind("oid", st.integers(0, 2**32 - 1).map(str), same),
    Kind("real", floats(32), same),
    Kind("double precision", floats(64), same),
    Kind("numeric", numerics | listed("NaN", "Infinity", "-Infinity", "1e300"), finite),
    Kind("numeric(12,3)", st.integers(-(10**12) + 1, 10**12 - 1).map(lambda n: f"{Decimal(n).scaleb(-3):f}"), finite),
    Kind("money", st.integers(-(2**63), 2**63 - 1).map(lambda n: f"{Decimal(n).scaleb(-2):f}"), dollars, in_arrays=False),
    Kind("boolean", listed("t", "f"), same),
    Kind("text", texts, same),
    Kind("varchar(20)", texts, same),
    Kind("char(8)", st.text("aß日 ", max_size=8), same),
    Kind("name", st.text(letters, max_size=12), same, in_arrays=False),
    Kind('"char"', listed("x", "", "\\"), same),
    Kind("citext", texts, same),
    Kind("isbn", listed("978-0-393-04002-9", "0-306-40615-2"), same, nullable=False),
    Kind("bytea", st.binary(max_size=12).map(lambda data: "\\x" + data.hex()), same),
    Kind("json", json_texts, reads),
    Kind("jsonb", json_texts, reads),
    Kind("uuid", st.uuids().map(str), reads),
    Kind("inet", st.ip_addresses().map(str) | listed("192.168.2.0/12", "::1/64"), reads),
    Kind("cidr", st.ip_addresses().map(str) | listed("192.168.100.128/25"), reads),
    Kind("macaddr", listed("08:00:2b:01:02:03", "ff:ff:ff:ff:ff:ff"), same),
    Kind("macaddr8", listed("08:00:2b:01:02:03:04:05"), same),
    Kind("bit(1)", listed("0", "1"), lambda ours, loaded, _: bool(ours is (loaded == "1"))),
    Kind("bit(11)", st.text("01", min_size=11, max_size=11), bits),
    Kind("bit varying", st.text("01", max_size=70), bits, in_arrays=False),
    Kind("date", stamps(1, 9999, "~-%m-%d") | listed("infinity", "-infinity", "0044-03-15 BC", "5874897-12-31"), days),
    Kind("time", times, lambda ours, loaded, _: bool(ours == clock(loaded)),
         lambda ours, loaded, _: bool(ours == clock(loaded) // 1000 * 1000)),
    Kind("time(2)", times, lambda ours, loaded, _: bool(ours == clock(loaded) // 1000)),
    Kind("timetz", st.builds("{}{}".format, times, offsets) | listed("24:00:00-05:30"), zoned_clock),
    Kind("timestamp", stamps(1, 9999, "~-%m-%d %H:%M:%S.%f") | listed("infinity", "-infinity", "0044-03-15 12:00:00.5 BC", "294276-12-31 23:59:59.999999"),
         lambda ours, loaded, _: bool(ours == micros(loaded))),
    Kind("timestamp(3)", stamps(1, 9998, "~-%m-%d %H:%M:%S.%f"), lambda ours, loaded, _: bool(ours == micros(loaded) // 1000)),
    Kind("timestamptz", st.builds("{}{}".format, stamps(2, 9998, "~-%m-%d %H:%M:%S.%f"), offsets) | listed("infinity", "-infinity", "0044-03-15 12:00:00.5+00 BC"), utc),
    Kind("timestamptz(2)", st.builds("{}{}".format, stamps(2, 9998, "~-%m-%d %H:%M:%S.%f"), offsets), utc),
    Kind("interval", st.builds("{} mons {} days {} microseconds".format, small, small, st.integers(-(10**15), 10**15)), None, in_arrays=False),
    Kind("int4range", ranges | listed("empty", "(,)", "(,5]"), reads),
    Kind("int8range", ranges, reads),
    Kind("numrange", ranges | listed("[1.50,2.25)"), reads),
    Kind("tsrange", st.builds('["{} 10:11:12",)'.format, days_) | listed("[2019-03-31 15:30:00, infinity)"), reads),
    Kind("tstzrange", st.builds('("{} 10:11:12+05",]'.format, days_), reads),
    Kind("daterange", st.builds("[{},)".format, days_), reads),
    Kind("tsvector", st.text("abc ", max_size=10) | listed("a:1 fat:2A cat:3B", "'it''s':4"), same, nullable=False),
    Kind("point", points, lambda ours, loaded, _: point(ours, *numbers(loaded)), in_arrays=False),
    Kind("box", st.builds("{},{}".format, points, points), shape(3, "box"), delimiter=";"),
    Kind("lseg", st.builds("[{},{}]".format, points, points), shape(2, "lseg")),
    Kind("path", st.builds("[{}]".format, point_lists) | st.builds("({})".format, point_lists), shape(2, "path")),
    Kind("polygon", st.builds("({})".format, point_lists), shape(3, "polygon")),
    Kind("circle", st.builds("<{},{}>".format, points, st.floats(0, 1e6, allow_subnormal=False)), circle),
    Kind("line", st.builds("{{{},{},{}}}".format, st.integers(1, 9), coordinates, coordinates),
         lambda ours, loaded, _: bool(list(ours.values()) == numbers(loaded))),
    Kind("hstore", hstores, lambda ours, loaded, _: bool(json.loads(ours) == loaded)),
    Kind("ltree", st.lists(st.text("aB_1", min_size=1, max_size=4), max_size=4).map(".".join), same),
    Kind("vector", vectors(3), lambda ours, loaded, _: bool(ours == json.loads(loaded)), nullable=False),
    Kind("halfvec(2)", vectors(2), lambda ours, loaded, _: bool(ours == json.loads(loaded)), nullable=False),
    Kind("sparsevec", listed("{1:1.5,3:-2}/5", "{}/3", "{1:1,17:2,300:0.5}/1000"), sparse, nullable=False),
    Kind("mood", listed("sad", "ok", "it's, \"fine\"", "NULL"), same, nullable=False),
)  # fmt: skip


def array_of(kind: Kind) -> Kind:
    """Return the kind of arrays of a kind, also empty, with NULLs, or of two dimensions, which no schema has."""
    element = (st.none() | kind.texts).map(lambda text: "NULL" if text is None else quoted(text))
    join = kind.delimiter.join
    flat = st.lists(element, max_size=4).map(lambda each: f"{{{join(each)}}}")
    square = st.lists(element, min_size=4, max_size=4).map(
        lambda each: f"{{{{{join(each[:2])}}}{kind.delimiter}{{{join(each[2:])}}}}}"
    )
    bounded = st.lists(element, min_size=2, max_size=2).map(lambda each: f"[3:4]={{{join(each)}}}")
    return Kind(f"{kind.name}[]", st.one_of(flat, flat, bounded, square), _in_array(kind))


def _in_array(kind: Kind) -> Agreement | None:
    agrees = kind.element or kind.agrees
    if agrees is None:
        return None

    def check(ours: Any, loaded: list[Any], oid: int) -> bool:
        info = psycopg.postgres.types.get(oid)
        element = info.oid if info else 0
        if any(_uncarried(kind, each) for each in loaded):
            return ours is None
        pairs = zip(ours, loaded, strict=True)
        return all(left is right if right is None else agrees(left, right, element) for left, right in pairs)

    return check


def _uncarried(kind: Kind, element: Any) -> bool:
    """Whether an array with this element has no place in its schema."""
    if isinstance(element, Decimal):
        return not element.is_finite()
    return isinstance(element, list) or (element is None and not kind.nullable)
