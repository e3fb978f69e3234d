"""The replicas that have made themselves known to a server; connectors are among them while they stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cdc.sources.mysql.protocol.connection import Connection
from cdc.sources.mysql.protocol.server_errors import ServerRefused

#: Since this version of MySQL replicas have their present name.
_PRESENT_NAME: Final = (8, 0, 22)


@dataclass(frozen=True, slots=True)
class Replica:
    """A replica by its number, and the name that it gives for its host: a connector gives that of its program."""

    server_id: int
    host: str
    port: int = 0


async def read_replicas(connection: Connection) -> Sequence[Replica]:
    """Return the replicas; none where the user may not see them."""
    former = connection.mariadb or connection.version < _PRESENT_NAME
    try:
        rows = await connection.texts("SHOW SLAVE HOSTS" if former else "SHOW REPLICAS")
    except ServerRefused:
        return []
    return [Replica(int(str(row[0])), str(row[1] or ""), int(str(row[2]))) for row in rows]
