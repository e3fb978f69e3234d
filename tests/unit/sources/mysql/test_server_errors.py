"""Errors of a server, and what of them is kept."""

from __future__ import annotations

import struct

import pytest

from cdc.errors import DecodeError
from cdc.sources.mysql.protocol.server_errors import ServerBusy, ServerRefused, server_error


def packet(code: int, said: bytes, state: bytes = b"#HY000") -> bytes:
    return b"\xff" + struct.pack("<H", code) + state + said


@pytest.mark.parametrize(("code", "kind"), [(1045, ServerRefused), (1040, ServerBusy)])
def test_an_error_has_number_state_and_sentence_of_the_server(code, kind):
    found = server_error(packet(code, "Zugriff verweigert für x.".encode(), b"#28000"), "it")
    assert type(found) is kind
    assert (found.code, found.state, found.said) == (code, "28000", "Zugriff verweigert für x.")
    assert str(found) == f"it: Zugriff verweigert für x (error {code}, SQLSTATE 28000)"


def test_an_error_of_before_the_login_has_no_state():
    assert server_error(packet(1130, b"Host is not allowed", b""), "it").state == "HY000"


def test_an_endless_sentence_is_cut_off():
    assert len(str(server_error(packet(1105, b"x" * 16_000_000), "it"))) < 5000


@pytest.mark.parametrize("size", range(3))
def test_an_error_without_a_number_is_told(size):
    with pytest.raises(DecodeError):
        server_error(packet(1105, b"")[:size], "it")
