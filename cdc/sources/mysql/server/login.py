"""From a connector's settings to connections with its server."""

from __future__ import annotations

import logging

from cdc.config.hosts import Host
from cdc.config.mysql_settings import MySqlSettings
from cdc.errors import SourceUnavailable
from cdc.sources.mysql.protocol.connection import Connection
from cdc.sources.mysql.protocol.endpoint import Compression, Endpoint, Tls

log = logging.getLogger(__name__)


def endpoint_of(settings: MySqlSettings, host: Host) -> Endpoint:
    """Return where a host is, and how to log in to it."""
    return Endpoint(
        host=host.name,
        port=host.port,
        user=settings.user,
        password=settings.password,
        tls=Tls(
            settings.tls,
            authority=settings.truststore,
            certificate=settings.keystore,
            key=settings.keystore,
            key_password=settings.keystore_password,
        ),
        compression=Compression("" if settings.compression == "none" else settings.compression),
        connect_timeout=settings.connect_timeout,
    )


async def open_connection(settings: MySqlSettings) -> Connection:
    """Connect to the first host that answers, and run the statements that each connection begins with.

    Raises:
        SourceUnavailable: none answers; the error is the last one's.
        SourceRefused: one refuses the login or a statement.
    """
    *others, last = settings.hosts
    for host in others:
        try:
            return await _opened(settings, endpoint_of(settings, host))
        except SourceUnavailable as error:
            log.info("%s", error.sentence())
    return await _opened(settings, endpoint_of(settings, last))


async def reopen(settings: MySqlSettings, endpoint: Endpoint) -> Connection:
    """Open another connection to the same server; raises as `open_connection`."""
    return await _opened(settings, endpoint)


async def _opened(settings: MySqlSettings, endpoint: Endpoint) -> Connection:
    connection = await Connection.open(endpoint)
    try:
        for statement in settings.initial_statements:
            await connection.execute(statement)
    except BaseException:
        await connection.close()
        raise
    return connection
