"""Statements about distributed transactions, as the log has them."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Final

from cdc.sources.mysql.binlog.query_event import Query

_XID: Final = re.compile(r"X'([0-9a-fA-F]*)'\s*,\s*X'([0-9a-fA-F]*)'\s*,\s*(\d+)")
_STATEMENT: Final = re.compile(rb"\s*XA\s+(\w+)(.*)", re.DOTALL | re.IGNORECASE)


class XaVerb(enum.Enum):
    """What a statement does to a transaction that was prepared."""

    COMMIT = "COMMIT"
    ROLLBACK = "ROLLBACK"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class XaStatement:
    """A statement about the transaction `xid`, written as `canonical_xid` writes it."""

    verb: XaVerb
    xid: str


def canonical_xid(text: str) -> str:
    """Return the id that stands in a statement in one spelling; the text itself if it has none of the log's form."""
    found = _XID.search(text)
    return f"X'{found[1].lower()}',X'{found[2].lower()}',{found[3]}" if found else text.strip()


def xid_of(format_id: int, global_id: bytes, branch: bytes) -> str:
    """Return the id of these parts, as `canonical_xid` writes it."""
    return f"X'{global_id.hex()}',X'{branch.hex()}',{format_id}"


def xa_statement(query: Query) -> XaStatement | None:
    """Return what a statement says of a distributed transaction, None for one that is about something else."""
    found = _STATEMENT.match(query.text)
    if found is None:
        return None
    verb = found[1].decode("ascii", "replace").upper()
    xid = canonical_xid(found[2].decode("utf-8", "replace"))
    return XaStatement(XaVerb(verb) if verb in {"COMMIT", "ROLLBACK"} else XaVerb.OTHER, xid)
