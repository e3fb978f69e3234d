"""Damaged inputs for decoders, and what may become of them: a right answer or an error of ours, soon and in little memory."""

from __future__ import annotations

import faulthandler
import os
import resource
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from cdc.errors import CdcError, ConversionError, DecodeError
from cdc.sources.columns.values import ValueDecoder, decode_text

INPUTS = int(os.environ.get("CDC_FUZZ_INPUTS", "1000000"))
SEED = int(os.environ.get("CDC_FUZZ_SEED", "1"))
#: The CPU time that an input may take, in seconds.
LONGEST = 1.0
#: Where so many inputs take longer than `STUCK` seconds together, one of them does not come to an end.
BLOCK, STUCK = 1000, 120
#: The memory that one test may take, in bytes: zstd's largest window, or packets in parts, several times.
MEMORY = 1 << 29
#: Lengths that are more than there is, in each form that MySQL's protocol has, and numbers at the ends of their range.
LENGTHS = [
    b"\xfb",
    b"\xfc\xff\xff",
    b"\xfd\xff\xff\xff",
    b"\xfe" + b"\xff" * 8,
    b"\xfe" + b"\xff" * 7 + b"\x7f",
    b"\xff\xff\xff\x7f",
    b"\xff" * 9,
    bytes(8),
]


def damaged(random: Random, data: bytes, pieces: Sequence[bytes]) -> bytes:
    """Change, cut, insert or repeat bytes in a few places; `pieces` are put in too."""
    found = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        at, how = random.randrange(len(found) + 1), random.random()
        if how < 0.35 and at < len(found):
            found[at] = random.choice(
                (random.randrange(256), found[at] ^ 1 << random.randrange(8), random.choice(b'0129-+.:, {}"\\x'))
            )
        elif how < 0.55:
            found[at:at] = random.choice((random.randbytes(random.randrange(1, 5)), random.choice(pieces)))
        elif how < 0.75:
            del found[at : at + random.choice((1, 1, 2, 9, len(found)))]
        else:
            found[at:at] = found[: random.randrange(len(found) + 1)][-20:]
    return bytes(found)


class Damage:
    """Makes inputs of whole ones: first each cut at every byte, then damaged at random, some put together of two."""

    def __init__(self, corpus: Sequence[bytes], name: str, keep: int = 0) -> None:
        """Leave the first `keep` bytes as they are in most inputs, and never cut those off."""
        self.random = Random(f"{SEED} {name}")
        self._corpus, self._keep = corpus, keep
        self._cuts = ((whole, at) for whole in corpus for at in range(keep, len(whole)))

    def next(self) -> bytes:
        """Return another input."""
        cut = next(self._cuts, None)
        return cut[0][: cut[1]] if cut else self.any()

    def any(self) -> bytes:
        """Return an input that is damaged at random."""
        whole = self.random.choice(self._corpus)
        if self.random.random() < 0.1:
            other = self.random.choice(self._corpus)
            whole = whole[: self.random.randrange(len(whole) + 1)] + other[self.random.randrange(len(other) + 1) :]
        return self.of(whole)

    def of(self, whole: bytes) -> bytes:
        """Return this input, damaged at random."""
        keep = self._keep if self.random.random() < 0.95 else 0
        return (whole[:keep] + self._changed(whole[keep:])).ljust(self._keep, b"\0")

    def _changed(self, data: bytes) -> bytes:
        if self.random.random() < 0.15:
            piece, at = self.random.choice(LENGTHS), self.random.randrange(len(data) + 1)
            return data[:at] + piece + data[at + self.random.choice((1, len(piece))) :]
        return damaged(self.random, data, LENGTHS)


def exact(data: bytes) -> memoryview:
    """Return a view of memory that ends where the data ends."""
    return memoryview(array("B", data))


@contextmanager
def _checked(given: Sequence[bytes | memoryview]) -> Iterator[None]:
    """Let no error pass but ours, and nothing that takes too long."""
    begun = time.process_time()
    try:
        yield
    except CdcError:
        raise
    except Exception as error:
        raise AssertionError(f"{[bytes(each) for each in given]}: {error!r}") from error
    finally:
        assert time.process_time() - begun < LONGEST, f"too long: {[bytes(each) for each in given]}"


def survives(decode: Callable[[], object], given: Sequence[bytes | memoryview]) -> bool:
    """Decode, and return whether there was a result and no error; fails for an error that is not ours, and for what takes too long."""
    try:
        with _checked(given):
            decode()
    except CdcError:
        return False
    return True


def outcome(decoder: ValueDecoder, data: bytes, size: int = -1) -> object:
    """Return the value, or the kind of error."""
    try:
        return decode_text(decoder, data, size)
    except (ConversionError, DecodeError) as error:
        return type(error)


def has_value(decoder: ValueDecoder, data: bytes) -> bool:
    """Tell whether bytes are a value; fails where what lies behind them matters."""
    with _checked([data]):
        found, behind = outcome(decoder, data), outcome(decoder, data + b"0" + data, len(data))
    assert repr(found) == repr(behind), f"{data!r}: {found!r}, then {behind!r}"
    return not isinstance(found, type)


def fuzz(
    name: str,
    corpus: Sequence[bytes],
    decode: Callable[[bytes], object],
    capsys: pytest.CaptureFixture[str],
    keep: int = 0,
    inputs: int = INPUTS,
) -> None:
    """Give a decoder its whole inputs, which it must take, and then damaged ones."""
    for whole in corpus:
        assert survives(lambda whole=whole: decode(whole), [whole]), whole  # type: ignore[misc]
    damage = Damage(corpus, name, keep)

    def one() -> bool:
        data = damage.next()
        return survives(lambda: decode(data), [data])

    counted(name, one, capsys, inputs)


def counted(name: str, one: Callable[[], bool], capsys: pytest.CaptureFixture[str], inputs: int = INPUTS) -> None:
    """Give inputs, each of which `one` makes and decodes; it tells whether there was a result."""
    begun, taken = time.monotonic(), 0
    with _little_memory(), capsys.disabled():
        for _ in _watched(inputs):
            taken += one()
        seconds, share = time.monotonic() - begun, 100 * taken / (inputs or 1)
        print(f"\n{name}: {inputs:,} inputs in {seconds:.0f} s, {share:.0f} % of them taken", end="")


def _watched(inputs: int) -> Iterator[int]:
    """Count; where a compiled loop does not end, which nothing interrupts, the process ends and shows where it was."""
    try:
        for at in range(inputs):
            if at % BLOCK == 0:
                faulthandler.dump_traceback_later(STUCK, exit=True, file=2)
            yield at
    finally:
        faulthandler.cancel_dump_traceback_later()


@contextmanager
def _little_memory() -> Iterator[None]:
    """Let no more memory be had, so that a decoder that takes what damaged bytes say ends in MemoryError, which is none of ours.

    AddressSanitizer takes terabytes of addresses; there its own limit (`max_allocation_size_mb`) does the same.
    """
    before = resource.getrlimit(resource.RLIMIT_AS)
    if "libasan" in Path("/proc/self/maps").read_text():
        yield
        return
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
