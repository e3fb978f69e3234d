"""What the server is asked, and how its answers about rights are read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

RELATIONS: Final = """
SELECT t.TABLE_SCHEMA, t.TABLE_NAME, t.TABLE_TYPE, COALESCE(t.ENGINE, ''), COALESCE(e.TRANSACTIONS, '')
FROM information_schema.TABLES t LEFT JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE
WHERE t.TABLE_SCHEMA NOT IN ('mysql', 'sys', 'performance_schema', 'information_schema') ORDER BY 1, 2
"""
CIPHER: Final = "SHOW SESSION STATUS LIKE 'Ssl_cipher'"
WHO: Final = "SELECT CURRENT_USER()"
ROLES: Final = "SELECT CURRENT_ROLE()"
GRANTS: Final = "SHOW GRANTS FOR CURRENT_USER()"
_GRANT: Final = re.compile(r"GRANT (?P<what>.+?) ON (?P<where>\S.*?) TO ", re.DOTALL)


def grants_query(roles: str | None) -> str:
    """Return what MySQL is asked for the rights of the user and of its active roles, which are given as `CURRENT_ROLE()` prints them."""
    return GRANTS if roles in (None, "", "NONE") else f"{GRANTS} USING {roles}"


def parse_grants(lines: Iterable[str]) -> Mapping[str, frozenset[str]]:
    """Return the privileges of SHOW GRANTS by what they are on; the lines that grant roles have no such place, and are passed over.

    Names are those of MySQL: what MariaDB calls REPLICATION REPLICA, BINLOG MONITOR or ALL is put in these words. Privileges on single
    columns keep their list of columns.
    """
    found: dict[str, frozenset[str]] = {}
    for line in lines:
        if (grant := _GRANT.match(line)) is not None:
            names = {_SAME.get(name, name) for name in _names(grant["what"])}
            found[grant["where"]] = found.get(grant["where"], frozenset()) | names
    return found


_SAME: Final = {
    "ALL": "ALL PRIVILEGES",
    "BINLOG MONITOR": "REPLICATION CLIENT",
    "REPLICATION REPLICA": "REPLICATION SLAVE",
}


def _names(text: str) -> list[str]:
    return [name.strip().upper() for name in re.split(r",(?![^(]*\))", text)]
