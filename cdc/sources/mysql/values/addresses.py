"""The text of MariaDB's INET4 and INET6, as a SELECT gives it (the server's sql_type_inet.cc)."""

from __future__ import annotations

import re
from typing import Final

_MAPPED: Final = (5, 0xFFFF)
_ZEROS: Final = re.compile(r"(?:^|:)0(?::0)*(?=:|$)")


def inet4_text(value: bytes) -> str:
    """Return the text of 4 bytes."""
    return ".".join(map(str, value))


def inet6_text(value: bytes) -> str:
    """Return the text of 16 bytes: the first of the longest runs of zeros is left out, be it a single one, and an IPv4 address that is mapped or compatible stands as such."""
    groups = [int.from_bytes(value[at : at + 2], "big") for at in range(0, 16, 2)]
    zeros = next((at for at, group in enumerate(groups) if group), 8)
    if zeros == 6 or (zeros, groups[5]) == _MAPPED:
        return ("::ffff:" if zeros == 5 else "::") + inet4_text(value[12:])
    text = ":".join(f"{group:x}" for group in groups)
    runs = list(_ZEROS.finditer(text))
    if not runs:
        return text
    run = max(runs, key=lambda each: each[0].count("0"))
    return f"{text[: run.start()]}::{text[run.end() + 1 :]}"
