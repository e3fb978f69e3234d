"""Partial updates of JSON columns: what `binlog_row_value_options=PARTIAL_JSON` writes in place of a whole new document.

Source: the server's `sql/json_diff.h` and `sql-common/json_diff.cc` (`Json_diff::write_binary`). A vector is a row of diffs: an operation,
a path and, but for a removal, a value in the binary form, both with their lengths before them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from cdc.errors import DecodeError
from cdc.sources.mysql.values.json_path import Path, parse_path
from cdc.sources.mysql.values.json_tree import Node, read_tree, write_tree

_WIDTHS = {0xFC: 2, 0xFD: 3, 0xFE: 8}
"""How many bytes of a length follow its first one; a smaller first one is the length itself."""


class Operation(IntEnum):
    """What a diff does at its path."""

    REPLACE = 0
    INSERT = 1
    REMOVE = 2


@dataclass(frozen=True, slots=True)
class JsonDiff:
    """One change of a document. A removal has no value."""

    operation: Operation
    path: Path
    value: Node | None


def apply_diffs(before: bytes, vector: bytes) -> bytes:
    """Return the new document as `JsonDecoder` would put it, from the old one in the binary form and all diffs in order.

    `vector` is what follows the four bytes of its length in a PARTIAL_UPDATE_ROWS event. Raises DecodeError, also where a diff does not fit
    the document.
    """
    # A path of no legs replaces the document itself, so it stands in an array of one.
    whole: list[Node] = [read_tree(before)]
    for diff in parse_diffs(vector):
        try:
            _apply(whole, diff)
        except (KeyError, IndexError) as error:
            fact = f"MySQL sent a JSON diff that does not fit the document: {diff.operation.name} at {list(diff.path)}"
            raise DecodeError(fact, vector, 0) from error
    return write_tree(whole[0])


def parse_diffs(vector: bytes) -> Iterator[JsonDiff]:
    """Yield the diffs of a vector, in order. Raises DecodeError."""
    at = 0
    while at < len(vector):
        if vector[at] > Operation.REMOVE:
            raise DecodeError(f"MySQL sent a JSON diff of unknown operation {vector[at]}", vector, at)
        operation = Operation(vector[at])
        path, at = _counted(vector, at + 1)
        value: Node | None = None
        if operation is not Operation.REMOVE:
            document, at = _counted(vector, at)
            value = read_tree(document)
        yield JsonDiff(operation, parse_path(path), value)


def _counted(data: bytes, at: int) -> tuple[bytes, int]:
    """Return bytes with their length before them (a length-encoded integer), and where they end."""
    width = _WIDTHS.get(data[at], 0) if at < len(data) else 1
    start = at + 1 + width
    if start > len(data) or data[at] in {0xFB, 0xFF}:
        raise DecodeError("MySQL sent a JSON diff that is cut off in a length", data, at)
    end = start + (int.from_bytes(data[at + 1 : start], "little") if width else data[at])
    if end > len(data):
        raise DecodeError(f"MySQL sent a JSON diff of {end - start} bytes where {len(data) - start} are left", data, at)
    return data[start:end], end


def _apply(whole: list[Node], diff: JsonDiff) -> None:
    """Change the tree; raise KeyError or IndexError where the path leads nowhere."""
    if not diff.path and diff.operation is not Operation.REPLACE:
        raise KeyError(diff.operation)
    parent: Node = whole
    leg: str | int = 0
    for following in diff.path:
        parent, leg = _child(parent, leg), following
    if diff.operation is not Operation.INSERT:
        _child(parent, leg)
    if isinstance(parent, dict) and isinstance(leg, str):
        _change_member(parent, leg, diff)
    elif isinstance(parent, list) and isinstance(leg, int):
        _change_element(parent, leg, diff)
    else:
        raise KeyError(leg)


def _child(parent: Node, leg: str | int) -> Node:
    if isinstance(parent, dict) and isinstance(leg, str):
        return parent[leg]
    if isinstance(parent, list) and isinstance(leg, int):
        return parent[leg]
    raise KeyError(leg)


def _change_member(parent: dict[str, Node], key: str, diff: JsonDiff) -> None:
    if diff.value is None:
        del parent[key]
    elif diff.operation is Operation.INSERT and key in parent:
        raise KeyError(key)
    else:
        parent[key] = diff.value


def _change_element(parent: list[Node], index: int, diff: JsonDiff) -> None:
    if diff.value is None:
        del parent[index]
    elif diff.operation is Operation.INSERT:
        parent.insert(index, diff.value)
    else:
        parent[index] = diff.value
