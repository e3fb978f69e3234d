"""What a server says about a stored position, gathered by a few queries."""

from __future__ import annotations

from dataclasses import dataclass

from cdc.config.mysql_settings import MySqlSettings
from cdc.errors import SourceLost
from cdc.sources.mysql.binlog.position import MySqlPosition
from cdc.sources.mysql.protocol.replicas import read_replicas
from cdc.sources.mysql.server.facts import ServerFacts, read_facts
from cdc.sources.mysql.server.login import open_connection
from cdc.sources.mysql.server.planning import resume


@dataclass(frozen=True, slots=True)
class Inspection:
    """A server as it is now; `lost` is why a connector could not go on from the stored position, if there is one and it could not.

    `reader` says who reads the log under the connector's server id, as the end of a sentence; "" for nobody that is known.
    """

    server: ServerFacts
    lost: SourceLost | None
    reader: str = ""


async def inspect(settings: MySqlSettings, stored: MySqlPosition | None) -> Inspection:
    """Look at the server by a connection of its own, and change nothing.

    Raises:
        SourceUnavailable: the server cannot be reached.
        SourceRefused: it refuses the user, or does not tell it where its binlog stands.
    """
    async with await open_connection(settings) as connection:
        server, replicas = await read_facts(connection), await read_replicas(connection)
    hosts = [replica.host or "a replica" for replica in replicas if replica.server_id == settings.server_id]
    reader = f"the log is read under server id {settings.server_id} by {hosts[0]}" if hosts else ""
    return Inspection(server, None if stored is None else verdict(settings, stored, server), reader)


def verdict(settings: MySqlSettings, stored: MySqlPosition, server: ServerFacts) -> SourceLost | None:
    """Return why the stream cannot go on behind a stored position; None when it can."""
    try:
        resume(settings, stored, server)
    except SourceLost as lost:
        return lost
    return None
