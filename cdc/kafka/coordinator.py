"""The broker that keeps a group: how it is found, and the connections to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from aiokafka import errors
from aiokafka.client import CoordinationType
from aiokafka.conn import AIOKafkaConnection, collect_hosts, create_conn
from aiokafka.protocol.api import Request
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.group import HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest, SyncGroupRequest

from cdc.config.settings import KafkaSettings
from cdc.errors import KafkaUnavailable
from cdc.kafka.client import CONNECT_SECONDS, abort, client_arguments, probe
from cdc.kafka.group_protocol import PROTOCOL_TYPE, Code, Coordinator, Joined, MembershipSettings, check, joined

log = logging.getLogger(__name__)

#: A member that comes and goes (KIP-345); aiokafka's types do not know that it may be None.
NO_INSTANCE: Final[Any] = None
FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 2.0
#: How long the answer to a join may take beyond the rebalance timeout; Kafka's own client waits as long.
JOIN_LAPSE_SECONDS: Final = 5.0


async def find_coordinator(settings: KafkaSettings, group: MembershipSettings, protocol: str) -> Coordinator:
    """Return the coordinator of a group, as a broker names it.

    Raises:
        KafkaUnavailable: no broker answers, or there is no coordinator now.
        KafkaRefused: one answers, but refuses the login or the group.
    """
    arguments = await client_arguments(settings)
    await probe(settings, arguments)
    failure: KafkaUnavailable | None = None
    for host, port, _ in collect_hosts(arguments["bootstrap_servers"]):
        line = _Line(settings, arguments, (host, port), min(CONNECT_SECONDS, settings.request_timeout))
        try:
            response = await line.ask(FindCoordinatorRequest(group.group_id, CoordinationType.GROUP))
            check(response.error_code, group)
            return KafkaCoordinator(settings, group, protocol, arguments, (response.host, response.port))
        except KafkaUnavailable as error:
            failure = error
        finally:
            line.close()
    raise failure or KafkaUnavailable(f"The coordinator of group {group.group_id} was not found", "It is tried again.")


class KafkaCoordinator:
    """The coordinator over two connections: a broker answers one request at a time on each, and a join waits for long."""

    def __init__(
        self,
        settings: KafkaSettings,
        group: MembershipSettings,
        protocol: str,
        arguments: Mapping[str, Any],
        server: tuple[str, int],
    ) -> None:
        self._group = group
        self._protocol = protocol
        # Half of the session is left for another try.
        patience = min(settings.request_timeout, group.session_timeout / 2)
        self._quick = _Line(settings, arguments, server, patience)
        self._slow = _Line(settings, arguments, server, group.rebalance_timeout + JOIN_LAPSE_SECONDS)

    async def join(self, member_id: str, metadata: bytes) -> Joined:
        """Join; see `Coordinator`."""
        response = await self._slow.ask(
            JoinGroupRequest(
                self._group.group_id,
                round(self._group.session_timeout * 1000),
                round(self._group.rebalance_timeout * 1000),
                member_id,
                NO_INSTANCE,
                PROTOCOL_TYPE,
                [(self._protocol, metadata)],
            )
        )
        if response.error_code != Code.MEMBER_ID_REQUIRED:
            check(response.error_code, self._group)
        return joined(response)

    async def sync(self, joined: Joined, shares: Mapping[str, bytes]) -> bytes | None:
        """Give the shares and return the own; see `Coordinator`."""
        request = SyncGroupRequest(
            self._group.group_id, joined.generation, joined.member_id, NO_INSTANCE, list(shares.items())
        )
        response = await self._slow.ask(request)
        # The next join may be hours away, and whatever is between forgets silent connections without a word.
        self._slow.hang_up()
        if response.error_code == Code.REBALANCE_IN_PROGRESS:
            return None
        check(response.error_code, self._group)
        return bytes(response.member_assignment or b"")

    async def heartbeat(self, member_id: str, generation: int) -> bool:
        """Prolong the session; see `Coordinator`."""
        response = await self._quick.ask(HeartbeatRequest(self._group.group_id, generation, member_id))
        if response.error_code == Code.REBALANCE_IN_PROGRESS:
            return False
        check(response.error_code, self._group)
        return True

    async def leave(self, member_id: str) -> None:
        """Leave the group; see `Coordinator`."""
        response = await self._quick.ask(LeaveGroupRequest(self._group.group_id, member_id))
        check(response.error_code, self._group)

    def close(self) -> None:
        """Close the connections at once."""
        self._quick.close()
        self._slow.close()


class _Line:
    """One connection to a broker, opened when something is asked; a request may wait so many seconds for its answer."""

    def __init__(
        self, settings: KafkaSettings, arguments: Mapping[str, Any], server: tuple[str, int], patience: float
    ) -> None:
        host, port = server
        self._settings = settings
        self._arguments = {**arguments, "bootstrap_servers": [f"[{host}]:{port}" if ":" in host else f"{host}:{port}"]}
        self._server = server
        self._patience = patience
        self._connection: AIOKafkaConnection | None = None
        self._closed = False

    async def ask(self, request: Request[Any]) -> Any:
        """Return the response."""
        try:
            connection = await self._open()
            return await connection.send(request)
        except (OSError, errors.KafkaError) as error:
            raise self._unavailable(error) from error

    def hang_up(self) -> None:
        """Close the connection at once; the next request opens another."""
        if self._connection is not None:
            abort(self._connection)
            self._connection = None

    def close(self) -> None:
        """Close the connection at once, for good."""
        self._closed = True
        self.hang_up()

    async def _open(self) -> AIOKafkaConnection:
        if self._connection is None or not self._connection.connected():
            connection = await self._connect()
            if self._closed:
                abort(connection)
                raise errors.KafkaConnectionError("closed meanwhile")
            self._connection = connection
        return self._connection

    async def _connect(self) -> AIOKafkaConnection:
        skipped = {"bootstrap_servers", "metadata_max_age_ms", "request_timeout_ms"}
        arguments = {name: value for name, value in self._arguments.items() if name not in skipped}
        try:
            async with asyncio.timeout(min(CONNECT_SECONDS, self._settings.request_timeout)):
                connection: AIOKafkaConnection = await create_conn(
                    *self._server, **arguments, request_timeout_ms=round(self._patience * 1000)
                )
                return connection
        except (OSError, errors.KafkaError):
            await probe(self._settings, self._arguments)  # it says what is wrong, a refused login for one
            raise

    def _unavailable(self, error: Exception) -> KafkaUnavailable:
        host, port = self._server
        words = "no answer" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
        return KafkaUnavailable(f"Kafka at {host}:{port} did not finish a request: {words}", "It is tried again.")


class Contact:
    """The coordinator as it is known now; looked up, as often as it takes, when it is not."""

    def __init__(
        self, group: str, find: Callable[[], Awaitable[Coordinator]], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._group = group
        self._find = find
        self._sleep = sleep
        self._finding = asyncio.Lock()
        self._failures = 0
        self.known: Coordinator | None = None

    async def coordinator(self) -> Coordinator:
        """Return the coordinator; brokers that are away are waited for without end.

        Raises:
            KafkaRefused: a broker answers, but refuses the login or the group.
        """
        async with self._finding:
            while self.known is None:
                try:
                    self.known = await self._find()
                except KafkaUnavailable as error:
                    await self._pause(error)
            return self.known

    async def failed(self, coordinator: Coordinator, error: KafkaUnavailable) -> None:
        """Forget a coordinator that has not answered well, and wait a little."""
        if coordinator is self.known:
            self.close()
            await self._pause(error)

    def answered(self) -> None:
        """Note that the coordinator does its work."""
        if self._failures:
            log.info("The coordinator of group %s answers again", self._group)
        self._failures = 0

    def close(self) -> None:
        """Close the connections at once, and forget the coordinator."""
        if self.known is not None:
            self.known.close()
            self.known = None

    async def _pause(self, error: KafkaUnavailable) -> None:
        if not self._failures:
            log.warning("Waiting for the coordinator of group %s: %s", self._group, error.sentence())
        pause = min(FIRST_PAUSE * 2 ** min(self._failures, 16), LONGEST_PAUSE)
        self._failures += 1
        await self._sleep(pause)
