"""TLS before a PostgreSQL that was built without it, as the one in the wheel."""

from __future__ import annotations

import asyncio
import ssl

from cdc.testing.servers import Address
from cdc.testing.servers.certificates import Certificates
from tests.support.proxy import Proxy

SSL_REQUEST = bytes.fromhex("00000008 04d2162f")


class TlsProxy(Proxy):
    """Answers a client's SSLRequest as a server does, and passes on what is inside the encryption.

    A client that asks for no encryption is cut off. SCRAM works through it, without channel binding. With `demand_client`
    the client must show a certificate of the same authority. Protocol: PostgreSQL documentation, "Message Flow", "SSL
    Session Encryption".
    """

    def __init__(self, server: Address, certificates: Certificates, *, demand_client: bool = False) -> None:
        super().__init__(server.host, server.port)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificates.certificate, certificates.key)
        if demand_client:
            self._tls.load_verify_locations(certificates.authority)
            self._tls.verify_mode = ssl.CERT_REQUIRED

    async def _welcome(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        if await reader.readexactly(len(SSL_REQUEST)) != SSL_REQUEST:
            raise ConnectionRefusedError("the client does not ask for TLS")
        client.write(b"S")
        await client.drain()
        await client.start_tls(self._tls)
