"""Column types of MySQL for random tables: how they are written, a random value, and the same value from the server and in an event."""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

EPOCH = date(1970, 1, 1)
MIDNIGHT = datetime(1970, 1, 1)  # noqa: DTZ001 (DATETIME has no time zone)
LABELS = ("one", "zwölf", "it's", "")


@dataclass(frozen=True, slots=True)
class Kind:
    """A column type: a random value for a statement's parameter, and its value in a SELECT (`told`) and in an event (`read`), made comparable.

    `wider` are the types that MODIFY may make of it, `plain` says that it can have a literal default.
    """

    name: str
    value: Callable[[random.Random], Any]
    told: Callable[[Any], Any] = lambda value: value
    read: Callable[[Any], Any] = lambda value: value
    wider: tuple[str, ...] = ()
    plain: bool = True


def _text(chosen: random.Random, more: str = "äß€😀'\"\\中") -> str:
    letters = string.ascii_letters + " " + more
    return "".join(chosen.choices(letters, k=chosen.randrange(40))).strip()


def _document(chosen: random.Random) -> str:
    filler = "x" * chosen.choice((0, 0, 200, 70_000))
    found = {
        "a": chosen.randrange(99),
        "b": [None, True, _text(chosen), chosen.uniform(-1, 1)],
        _text(chosen): {"n": chosen.randrange(-(2**40), 2**40), "fill": filler},
    }
    return json.dumps(found, ensure_ascii=False)


def _moment(chosen: random.Random, digits: int) -> str:
    when = datetime(1971, 1, 1) + timedelta(  # noqa: DTZ001
        seconds=chosen.randrange(60 * 365 * 86_400), microseconds=chosen.randrange(10**6)
    )
    return when.isoformat(" ", "microseconds")[: 19 + (digits + 1 if digits else 0)]


def _span(chosen: random.Random) -> str:
    return f"{chosen.choice(('', '-'))}{chosen.randrange(838)}:{chosen.randrange(60)}:{chosen.randrange(60)}.{chosen.randrange(10**6):06}"


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _instant(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC)


def _bytes(chosen: random.Random, most: int) -> bytes:
    return chosen.randbytes(chosen.randrange(most)) + chosen.choice((b"", b"\0", b" "))


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("smallint unsigned", lambda r: r.randrange(2**16), wider=("int unsigned",)),
        Kind("int unsigned", lambda r: r.randrange(2**32)),
        Kind("int", lambda r: r.randrange(-(2**31), 2**31), wider=("bigint", "decimal(20,5)")),
        Kind("bigint", lambda r: r.randrange(-(2**63), 2**63)),
        Kind("tinyint(1)", lambda r: r.randrange(-128, 128), wider=("int",)),
        Kind("varchar(60)", _text, wider=("varchar(300)", "text")),
        Kind("varchar(300)", _text, wider=("mediumtext",)),
        Kind("varchar(60) character set latin1", lambda r: _text(r, "äß'é\\"), wider=("varchar(300)",)),
        Kind("char(45) character set utf16", _text),
        Kind("text", _text, plain=False),
        Kind("mediumtext", _text, plain=False),
        Kind(
            "decimal(12,3)",
            lambda r: f"{r.randrange(-(10**8), 10**8)}.{r.randrange(1000):03}",
            read=Decimal,
            wider=("decimal(20,5)",),
        ),
        Kind("decimal(20,5)", lambda r: f"{r.randrange(-(10**14), 10**14)}.{r.randrange(10**5):05}", read=Decimal),
        Kind("double", lambda r: r.uniform(-1e9, 1e9), read=float),
        Kind("json", _document, told=json.loads, read=json.loads, plain=False),
        Kind(
            "date",
            lambda r: date.fromordinal(r.randrange(400_000, 3_000_000)).isoformat(),
            told=lambda value: (value - EPOCH).days,
        ),
        Kind(
            "datetime(6)", lambda r: _moment(r, 6), told=lambda value: (value - MIDNIGHT) // timedelta(microseconds=1)
        ),
        Kind("datetime", lambda r: _moment(r, 0), told=lambda value: (value - MIDNIGHT) // timedelta(milliseconds=1)),
        Kind("timestamp(3)", lambda r: _moment(r, 3), told=_instant, read=datetime.fromisoformat),
        Kind("time(6)", _span, told=lambda value: value // timedelta(microseconds=1)),
        Kind("year", lambda r: r.choice((0, 1901, 2155))),
        Kind("enum('one','zwölf','it''s','')", lambda r: r.choice(LABELS)),
        Kind(
            "set('x','y','ä','z')",
            lambda r: ",".join(label for label in ("x", "y", "ä", "z") if r.random() < 0.5),
        ),
        Kind("bit(12)", lambda r: r.randrange(2**12), told=lambda value: _base64(value[::-1])),
        Kind("binary(9)", lambda r: _bytes(r, 9), told=_base64, plain=False),
        Kind("varbinary(50)", lambda r: _bytes(r, 40), told=_base64, wider=("blob",), plain=False),
        Kind("blob", lambda r: _bytes(r, 200), told=_base64, plain=False),
    )
}
