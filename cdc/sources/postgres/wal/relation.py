"""What a pgoutput Relation message says of a table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RelationColumn:
    """A published column, in wire order; `key` says that it belongs to the replica identity."""

    name: str
    type_oid: int
    typmod: int
    key: bool


@dataclass(frozen=True, slots=True)
class Relation:
    """A published table as the following rows are written; `identity` is pg_class.relreplident (d, f, i or n)."""

    oid: int
    schema: str
    table: str
    identity: str
    columns: tuple[RelationColumn, ...]
