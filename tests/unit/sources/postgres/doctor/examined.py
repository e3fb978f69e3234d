"""Facts as a healthy server gives them, to be changed in one point each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cdc.config.filters import NameFilter, TableFilter
from cdc.config.settings import PostgresSettings, PublicationAutocreate
from cdc.model.finding import Finding
from cdc.model.table import TableId
from cdc.sources.postgres.doctor.facts import Facts, PublicationFacts, RoleFacts, ServerFacts, SlotFacts, TableFacts

NUMBERS = {
    "max_replication_slots": 10.0,
    "max_wal_senders": 10.0,
    "max_slot_wal_keep_size": float(50 << 30),
    "wal_sender_timeout": 60.0,
    "idle_replication_slot_timeout": 0.0,
}


def settings(**changes: Any) -> PostgresSettings:
    known = {
        "slot_name": "cdc_slot",
        "publication_name": "shop",
        "publication_autocreate": PublicationAutocreate.DISABLED,
        "tables": TableFilter(tables=NameFilter.parse("public.*")),
    }
    return PostgresSettings("db.example", "shop", "cdc", "prefix", **{**known, **changes})


def server(**changes: Any) -> ServerFacts:
    known = {
        "version": 180000,
        "wal_level": "logical",
        "standby": False,
        "slots": 1,
        "senders": 1,
        "database": "shop",
        "sql_database": "shop",
        "sql_publication": "shop",
    }
    numbers = {name: value for name, value in changes.items() if name in NUMBERS}
    others = {name: value for name, value in changes.items() if name not in NUMBERS}
    return ServerFacts(**{**known, **others}, numbers={**NUMBERS, **numbers})


def role(**changes: Any) -> RoleFacts:
    return RoleFacts(
        **{
            "name": "cdc",
            "sql_name": "cdc",
            "superuser": False,
            "replication": True,
            "can_create": True,
            **changes,
        }
    )


def slot(**changes: Any) -> SlotFacts:
    known = {
        "plugin": "pgoutput",
        "slot_type": "logical",
        "database": "shop",
        "temporary": False,
        "active_pid": None,
        "application": "",
        "wal_status": "reserved",
        "reason": "",
        "retained": 4096,
        "safe": None,
    }
    return SlotFacts(**{**known, **changes})


def publication(**changes: Any) -> PublicationFacts:
    known = {
        "all_tables": False,
        "owned": False,
        "owner": "dba",
        "operations": "iudt",
        "via_root": False,
        "generated": False,
    }
    return PublicationFacts(**{**known, **changes})


def table(name: str = "orders", **changes: Any) -> TableFacts:
    known = {
        "id": TableId("public", name),
        "sql_name": f"public.{name}",
        "sql_schema": "public",
        "key": ["id"],
        "published": True,
        "owner": "dba",
    }
    return TableFacts(**{**known, **changes})


def facts(*tables: TableFacts, **changes: Any) -> Facts:
    known = {
        "server": server(),
        "role": role(),
        "slot": slot(),
        "publication": publication(),
        "tables": tables or (table(),),
    }
    return Facts(**{**known, **changes})


def told(found: Iterable[Finding]) -> list[tuple[str, str]]:
    """Return level and subject of each finding."""
    return [(finding.level, finding.subject) for finding in found]


def only(found: Iterable[Finding]) -> Finding:
    (finding,) = found
    return finding
