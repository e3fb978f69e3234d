"""JSON documents of MySQL as Python objects that can be changed."""

from typing import TypeAlias

Node: TypeAlias = dict[str, Node] | list[Node] | bytes
"""An object, an array, or the compact text of anything else, which keeps its kind and digits as they are."""

def read_tree(data: bytes) -> Node:
    """Return a document of the binary form. Raises DecodeError."""

def write_tree(node: Node) -> bytes:
    """Return the compact text, with the members of each object in the order in which the server stores them.

    Raises DecodeError for more levels than a document can have.
    """
