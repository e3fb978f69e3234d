"""Bytes of the log without what stands between them."""

from __future__ import annotations

from cdc.sources.postgres.server.witness import PAGE, without_headers


def page(content: bytes, *, first: bool = False) -> bytes:
    """Return a page as a server of little-endian order writes it."""
    header = b"\x18\xd1" + (2 if first else 1).to_bytes(2, "little") + bytes(36 if first else 20)
    return (header + content).ljust(PAGE, b".")


def test_a_record_goes_on_behind_the_header_of_the_next_page():
    room = PAGE - 24
    one = page(b"x" * (room - 3) + b"abc")
    assert without_headers(one + page(b"def"))[room - 3 : room + 3] == b"abcdef"


def test_the_first_page_of_a_segment_has_a_longer_header():
    assert without_headers(page(b"abc", first=True)).startswith(b"abc")


def test_the_last_page_may_be_cut_off():
    assert without_headers(page(b"abc")[:27]) == b"abc"
    assert without_headers(b"") == b""
