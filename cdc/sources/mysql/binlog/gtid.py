"""Sets of MySQL's global transaction identifiers, with tags.

Text: the MySQL manual, "GTID Format and Storage" (tags since 8.3). Bytes: `Gtid_set::encode` in the server's sql/rpl_gtid_set.cc,
the same in COM_BINLOG_DUMP_GTID and in the event PREVIOUS_GTIDS.
"""

from __future__ import annotations

import re
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import NamedTuple, TypeAlias
from uuid import UUID

from cdc.errors import ConfigError, DecodeError

#: The highest number that a transaction can have; the server keeps the one after it for the end of intervals.
LAST_NUMBER = 2**63 - 2
TAG = re.compile(r"[a-z_][a-z0-9_]{0,31}")
IDENTIFIER = re.compile(r"[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}")
INTERVAL = re.compile(r"(\d{1,19})(?:\s*-\s*(\d{1,19}))?")
REMEDY = (
    "Write it as the server does (SELECT @@gtid_executed), as in 3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:11:tag:1-3."
)

#: Where a tagged set begins: the format in the highest byte and in the lowest.
TAGGED = 1 << 56 | 1

Bounds: TypeAlias = list[int]
"""Ascending, alternately the first number of an interval and the number after its last one; intervals do not touch."""


class Gtid(NamedTuple):
    """One transaction: the server's UUID in lower case with dashes, the tag ("" without one), and the number, from 1."""

    uuid: str
    tag: str
    number: int

    def __str__(self) -> str:
        return f"{self.uuid}:{self.tag}:{self.number}" if self.tag else f"{self.uuid}:{self.number}"

    @classmethod
    def parse(cls, text: str) -> Gtid:
        """Return the transaction that `text` names; raises ConfigError for anything else than exactly one."""
        found = GtidSet.parse(text)
        if found.count() != 1:
            raise ConfigError(f"'{text}' is not the GTID of one transaction", REMEDY)
        ((uuid, tag, bounds),) = found.sources()
        return cls(uuid, tag, bounds[0])


class GtidSet:
    """A set of transactions, grouped by source: a server's UUID and a tag.

    `add` and `add_interval` change it; operators return new sets: `|` union, `&` intersection, `-` difference, `<=` subset. `str` gives the
    server's canonical text without its line breaks. Adding and asking cost the logarithm of the number of gaps of the source, operators
    cost that number. Not hashable, for it can change.
    """

    __slots__ = ("_sources",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self) -> None:
        self._sources: dict[tuple[str, str], Bounds] = {}

    @classmethod
    def parse(cls, text: str) -> GtidSet:
        """Read the server's text: sources parted by commas, blanks and empty parts allowed.

        Raises ConfigError for anything else, and for a UUID without a number: the server takes that for nothing, which nobody means.
        """
        result = cls()
        for part in text.split(","):
            if part.strip():
                result._add_part(part, text)
        return result

    def _add_part(self, part: str, text: str) -> None:
        head, *rest = (each.strip().lower() for each in part.split(":"))
        uuid, tag = _uuid(head, text), ""
        if not rest:
            raise _malformed(text, part, "has no number after the UUID")
        for item in rest:
            if TAG.fullmatch(item):
                tag = item
            else:
                self._add_bounds((uuid, tag), *_interval(item, text))

    def _add_bounds(self, source: tuple[str, str], first: int, after: int) -> None:
        if first < after:
            _insert(self._sources.setdefault(source, []), first, after)

    @classmethod
    def decode(cls, data: bytes | memoryview) -> GtidSet:
        """Read the wire form, plain or tagged; raises DecodeError for bytes that do not follow it."""
        reader = _Reader(bytes(data))
        count = reader.number()
        kind = count >> 56
        if kind > 1:
            raise DecodeError(f"the GTID set has format {kind}; 0 and 1 are known", reader.data, 7)
        result = cls()
        for _ in range(count >> 8 & (1 << 48) - 1 if kind else count):
            result._decode_source(reader, tagged=bool(kind))
        if reader.at != len(reader.data):
            raise DecodeError("bytes follow the GTID set", reader.data, reader.at)
        return result

    def _decode_source(self, reader: _Reader, *, tagged: bool) -> None:
        uuid = str(UUID(bytes=reader.take(16)))
        tag = reader.tag() if tagged else ""
        bounds: Bounds = []
        for _ in range(reader.number()):
            at = reader.at
            first, after = reader.number(), reader.number()
            if not (bounds[-1] if bounds else 0) < first < after <= LAST_NUMBER + 1:
                raise DecodeError(f"the interval {first} to {after} of a GTID set is out of order", reader.data, at)
            bounds += (first, after)
        if bounds and self._sources.setdefault((uuid, tag), bounds) is not bounds:
            raise DecodeError(f"the source {uuid} is twice in a GTID set", reader.data, reader.at)

    def encode(self) -> bytes:
        """Return the wire form; the tagged one, which servers before 8.3 do not read, only if there is a tag."""
        tagged = any(tag for _, tag in self._sources)
        count = len(self._sources)
        parts = [struct.pack("<Q", TAGGED | count << 8 if tagged else count)]
        for uuid, tag, bounds in self.sources():
            parts.append(UUID(uuid).bytes)
            if tagged:
                parts.append(bytes((len(tag) << 1,)) + tag.encode())
            parts.append(struct.pack(f"<Q{len(bounds)}Q", len(bounds) // 2, *bounds))
        return b"".join(parts)

    def add(self, gtid: Gtid) -> None:
        """Take one transaction in."""
        uuid, tag, number = gtid
        bounds = self._sources.get((uuid, tag))
        if bounds and bounds[-1] == number:  # the usual case: the next one of its source
            bounds[-1] = number + 1
        else:
            self._add_bounds((uuid, tag), number, number + 1)

    def add_interval(self, uuid: str, tag: str, first: int, last: int) -> None:
        """Take the transactions `first` to `last` of one source in."""
        self._add_bounds((uuid, tag), first, last + 1)

    def sources(self) -> Iterator[tuple[str, str, tuple[int, ...]]]:
        """Give UUID, tag and bounds of each source in canonical order; bounds are as in the wire form, the second of each pair exclusive."""
        for (uuid, tag), bounds in sorted(self._sources.items()):
            yield uuid, tag, tuple(bounds)

    def restricted(self, keep: Callable[[str], bool]) -> GtidSet:
        """Return the part whose UUIDs are to be kept."""
        return _built((source, list(bounds)) for source, bounds in self._sources.items() if keep(source[0]))

    def count(self) -> int:
        """Return the number of transactions."""
        return sum(sum(bounds[1::2]) - sum(bounds[::2]) for bounds in self._sources.values())

    def copy(self) -> GtidSet:
        """Return a set that changes by itself."""
        return _built((source, list(bounds)) for source, bounds in self._sources.items())

    def __contains__(self, gtid: Gtid) -> bool:
        return bisect_right(self._sources.get((gtid.uuid, gtid.tag), ()), gtid.number) % 2 == 1

    def __or__(self, other: GtidSet) -> GtidSet:
        return self._combined(other, lambda mine, theirs: mine or theirs)

    def __and__(self, other: GtidSet) -> GtidSet:
        return self._combined(other, lambda mine, theirs: mine and theirs)

    def __sub__(self, other: GtidSet) -> GtidSet:
        return self._combined(other, lambda mine, theirs: mine and not theirs)

    def _combined(self, other: GtidSet, rule: Callable[[bool, bool], bool]) -> GtidSet:
        mine, theirs = self._sources, other._sources
        return _built((each, _sweep(mine.get(each, []), theirs.get(each, []), rule)) for each in {**mine, **theirs})

    def __le__(self, other: GtidSet) -> bool:
        return not self - other

    def __bool__(self) -> bool:
        return bool(self._sources)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GtidSet) and self._sources == other._sources

    def __str__(self) -> str:
        return ",".join(
            uuid + "".join((f":{tag}" if tag else "") + _intervals(bounds) for _, tag, bounds in group)
            for uuid, group in groupby(self.sources(), key=lambda source: source[0])
        )

    def __repr__(self) -> str:
        return f"GtidSet.parse({str(self)!r})"


class _Reader:
    """Reads a wire form from its beginning; raises DecodeError where it ends too early."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        if len(self.data) - self.at < size:
            raise DecodeError("a GTID set ends too early", self.data, self.at)
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self) -> int:
        return int.from_bytes(self.take(8), "little")

    def tag(self) -> str:
        at = self.at
        size = self.take(1)[0]  # a variable-length integer of one byte: its lowest bit is 0
        text = self.take(size >> 1).decode("ascii", "replace")
        if size & 1 or (text and not TAG.fullmatch(text)):
            raise DecodeError(f"'{text}' is not a tag of a GTID", self.data, at)
        return text


def _built(sources: Iterable[tuple[tuple[str, str], Bounds]]) -> GtidSet:
    result = GtidSet()
    result._sources = {source: bounds for source, bounds in sources if bounds}
    return result


def _insert(bounds: Bounds, first: int, after: int) -> None:
    """Take the interval in; what overlaps or touches it melts with it."""
    low, high = bisect_left(bounds, first), bisect_right(bounds, after)
    bounds[low:high] = [*([first] if low % 2 == 0 else []), *([after] if high % 2 == 0 else [])]


def _sweep(mine: Bounds, theirs: Bounds, rule: Callable[[bool, bool], bool]) -> Bounds:
    """Return where the rule, asked for each number with "in mine" and "in theirs", holds."""
    result: Bounds = []
    in_mine = in_theirs = False
    left = right = 0
    for point in sorted({*mine, *theirs}):
        if left < len(mine) and mine[left] == point:
            in_mine, left = not in_mine, left + 1
        if right < len(theirs) and theirs[right] == point:
            in_theirs, right = not in_theirs, right + 1
        if rule(in_mine, in_theirs) != bool(len(result) % 2):
            result.append(point)
    return result


def _uuid(text: str, whole: str) -> str:
    bare = text[1:-1] if text.startswith("{") and text.endswith("}") else text
    if not IDENTIFIER.fullmatch(bare):
        raise _malformed(whole, text, "is not a UUID")
    return str(UUID(bare))


def _interval(text: str, whole: str) -> tuple[int, int]:
    match = INTERVAL.fullmatch(text)
    if match is None:
        raise _malformed(whole, text, "is neither a number, an interval nor a tag")
    first, last = int(match[1]), int(match[2] or match[1])
    if not (0 < first <= LAST_NUMBER and last <= LAST_NUMBER):
        raise _malformed(whole, text, f"is outside of 1 to {LAST_NUMBER}")
    return first, last + 1


def _intervals(bounds: tuple[int, ...]) -> str:
    pairs = zip(bounds[::2], bounds[1::2], strict=True)
    return "".join(f":{first}" if first + 1 == after else f":{first}-{after - 1}" for first, after in pairs)


def _malformed(whole: str, part: str, why: str) -> ConfigError:
    shown = whole if len(whole) <= 200 else f"{whole[:200]}…"
    return ConfigError(f"the GTID set '{shown}' is malformed: '{part.strip()}' {why}", REMEDY)
