"""Requests that only the leader of the cluster can carry out, sent on to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, web
from aiohttp.typedefs import Handler, Middleware
from yarl import URL

from cdc.connect.herder import NotLeader, RequestError
from cdc.connect.rest.answers import address
from cdc.connect.rest.body import read_bytes
from cdc.connect.rest.settings import RestSettings, client_context

SECONDS: Final = 90.0
"""Longest time that the leader is waited for: that of Kafka Connect."""

LARGEST_ANSWER: Final = 16 << 20
"""Most that is taken of its answer, in bytes."""

_FLAG: Final = "forward"
_SENT: Final = ("Content-Type", "Accept", "Authorization")
_RETURNED: Final = ("Content-Type", "WWW-Authenticate")


class LeaderUnreachable(RequestError):
    """The leader did not answer; whether it has done what was asked is not known."""

    status = 503


class Forwarding:
    """Sends requests on to the leader, by the trust, the certificate and the credentials that the workers of a cluster share.

    A request goes on once, with `forward=false` in its query as Kafka Connect marks it, and to no other address than the herder gave.
    """

    def __init__(self, settings: RestSettings) -> None:
        self._settings = settings
        self._session: ClientSession | None = None

    async def run(self, application: web.Application) -> AsyncIterator[None]:
        """Keep the client for as long as the application runs: one of its `cleanup_ctx`. Raises ConfigError as `client_context`."""
        # Changes are rare, and a connection that was kept may be one that the leader has closed.
        connector = TCPConnector(ssl=await asyncio.to_thread(client_context, self._settings), force_close=True)
        timeout = ClientTimeout(total=SECONDS)
        async with ClientSession(connector=connector, timeout=timeout, cookie_jar=DummyCookieJar()) as self._session:
            yield

    def middleware(self) -> Middleware:
        """Return what sends on each request that the handler says is the leader's."""

        @web.middleware
        async def forward(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                return await handler(request)
            except NotLeader as error:
                if not error.leader_url or request.query.get(_FLAG, "").lower() == "false":
                    raise
                leader = error.leader_url
            return await self._send(request, leader)

        return forward

    async def _send(self, request: web.Request, leader: str) -> web.Response:
        if self._session is None:
            raise RuntimeError("the application has not been started")
        headers = {name: request.headers[name] for name in _SENT if name in request.headers}
        body = await read_bytes(request)
        try:
            async with self._session.request(
                request.method, _target(request, leader), data=body or None, headers=headers, allow_redirects=False
            ) as response:
                return await _answer(request, response)
        except (ClientError, OSError, ValueError) as error:
            raise LeaderUnreachable(
                f"IO Error trying to forward REST request: {str(error) or f'no answer within {SECONDS:.0f} seconds'}",
                f"Look whether the change was made, and ask again once the leader at {leader} can be reached from this worker.",
            ) from error


def _target(request: web.Request, leader: str) -> URL:
    """Return the address of a request at the leader; raises ValueError when the leader's makes no address."""
    query = [(name, value) for name, value in request.query.items() if name != _FLAG]
    target = URL(leader.rstrip("/") + request.rel_url.raw_path, encoded=True)
    return target.with_query([*query, (_FLAG, "false")])


async def _answer(request: web.Request, response: ClientResponse) -> web.Response:
    """Return the leader's answer; the address of what was created becomes one of this worker."""
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) > LARGEST_ANSWER:
            raise ClientError(f"the answer has more than {LARGEST_ANSWER} bytes")
    headers = {name: response.headers[name] for name in _RETURNED if name in response.headers}
    if response.status == 201 and "Location" in response.headers:
        headers["Location"] = address(request, URL(response.headers["Location"], encoded=True).raw_path)
    return web.Response(status=response.status, body=bytes(body), headers=headers)
