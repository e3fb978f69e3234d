"""The server on real sockets, used by clients that are not ours: urllib's, and kafka-connect-py."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import ssl
from contextlib import asynccontextmanager
from urllib.error import HTTPError as UrllibError
from urllib.request import urlopen

import pytest
from kafka_connect import KafkaConnect  # type: ignore[import-untyped]
from requests.exceptions import HTTPError

from cdc.config.secret import Secret
from cdc.connect.herder import ConnectorOffset
from cdc.connect.rest.server import RestServer
from cdc.connect.rest.settings import ClientAuth, RestSettings
from cdc.errors import ConfigError
from tests.unit.connect.rest.conversation import FILE, GUARDED, PASSWORD
from tests.unit.connect.rest.serving import ANY_PORT, serving


def url_of(server: RestServer) -> str:
    host, port = server.addresses[0]
    return f"http://{host}:{port}"


async def get(url: str, context: ssl.SSLContext | None = None):
    """Return status and body of an answer, as another client sees them."""

    def fetch():
        try:
            with urlopen(url, context=context, timeout=30) as answer:
                return answer.status, json.loads(answer.read())
        except UrllibError as error:
            with error:
                return error.code, json.loads(error.read())

    return await asyncio.to_thread(fetch)


async def test_each_listener_has_its_real_port(herder):
    async with serving(herder, listeners=(ANY_PORT, "http://localhost:0")) as server:
        ports = [port for _, port in server.addresses]
        assert len(ports) >= 2
        assert 0 not in ports
        assert [(await get(f"http://127.0.0.1:{ports[0]}/health"))[0]] == [200]
    assert server.addresses == []


@pytest.mark.parametrize(
    ("listeners", "settings", "url"),
    [
        (("http://127.0.0.1:0",), {}, "http://127.0.0.1:{0}/"),
        (("http://LOCALHOST:0",), {}, "http://localhost:{0}/"),
        (("http://127.0.0.1:0",), {"advertised_host": "worker-1"}, "http://worker-1:{0}/"),
        (("http://127.0.0.1:0",), {"advertised_port": 80}, "http://127.0.0.1:80/"),
        (("http://127.0.0.1:0",), {"advertised_host": "fd00::1", "advertised_port": 80}, "http://[fd00::1]:80/"),
        (("https://127.0.0.1:0", "http://127.0.0.2:0"), {}, "http://127.0.0.2:{1}/"),
        (("http://127.0.0.2:0", "https://127.0.0.1:0"), {"advertised_scheme": "https"}, "https://127.0.0.1:{1}/"),
        (("https://127.0.0.1:0",), {}, "https://127.0.0.1:{0}/"),
        (("http://0.0.0.0:0",), {"token": Secret("t")}, f"http://{socket.gethostname()}:{{0}}/"),
        (
            ("http://127.0.0.1:0",),
            {"advertised_scheme": "https", "advertised_host": "proxy", "advertised_port": 443},
            "https://proxy:443/",
        ),
    ],
)
async def test_others_are_told_the_address_where_the_server_can_be_reached(herder, files, listeners, settings, url):
    own = files["worker"]
    async with serving(herder, listeners=listeners, certificate=own.certificate, key=own.key, **settings) as server:
        assert server.url == url.format(*(port for _, port in server.addresses))


async def test_what_others_are_told_is_not_known_before_the_start(herder):
    with pytest.raises(RuntimeError):
        assert RestServer(herder, RestSettings(listeners=(ANY_PORT,))).url


async def test_files_that_cannot_be_used_for_requests_to_others_are_named_at_the_start(herder, tmp_path):
    server = RestServer(herder, RestSettings(listeners=(ANY_PORT,), ca=tmp_path / "absent.pem"))
    with pytest.raises(ConfigError, match=r"absent\.pem"):
        await server.start()
    assert server.addresses == []


async def test_an_address_that_is_taken_is_named_and_nothing_is_left_open(herder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = RestServer(herder, RestSettings(listeners=(ANY_PORT, f"http://127.0.0.1:{port}")))
        with pytest.raises(ConfigError, match=f"cannot listen on http://127.0.0.1:{port}"):
            await server.start()
        assert server.addresses == []


async def test_a_server_does_not_open_to_others_without_credentials(herder):
    server = RestServer(herder, RestSettings(listeners=("http://0.0.0.0:0",)))
    with pytest.raises(ConfigError, match="run connectors"):
        await server.start()
    assert server.addresses == []


async def exchange(port: int, request: bytes, context: ssl.SSLContext | None = None) -> bytes:
    """Send these bytes, and return what comes back until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    writer.write(request)
    try:
        return await reader.read()
    finally:
        writer.close()


def creation(*headers: str) -> bytes:
    """Return a request of HTTP/1.0 that creates a connector: the server closes after it."""
    body = json.dumps({"name": "a", "config": FILE})
    head = ["POST /connectors HTTP/1.0", *headers, "Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, "", body]).encode()


async def test_a_request_that_names_no_host_gets_an_address_without_one(herder):
    async with serving(herder) as server:
        answer = await exchange(server.addresses[0][1], creation())
    assert b"\r\nLocation: /connectors/a\r\n" in answer


async def test_the_bytes_of_a_request_that_cannot_be_read_are_not_logged(herder, caplog):
    async with serving(herder) as server:
        answer = await exchange(server.addresses[0][1], b"GET / HTTP/1.1\r\nAuthorization: Bearer se\x00cret\r\n\r\n")
    assert answer.startswith(b"HTTP/1.0 400")
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert errors == ["Error handling request from 127.0.0.1"]
    assert "cret" not in caplog.text


class TestTls:
    @asynccontextmanager
    async def serving(self, herder, files, client_auth):
        own = files["worker"]
        tls = {"certificate": own.certificate, "key": own.key, "ca": own.authority, "client_auth": client_auth}
        async with serving(herder, listeners=("https://127.0.0.1:0",), **tls) as server:
            yield url_of(server).replace("http:", "https:")

    @pytest.fixture
    def trusting(self, files):
        return ssl.create_default_context(cafile=files["worker"].authority)

    @pytest.mark.parametrize("client_auth", [ClientAuth.NONE, ClientAuth.REQUESTED])
    async def test_a_client_that_trusts_the_authority_is_served(self, herder, files, trusting, client_auth):
        async with self.serving(herder, files, client_auth) as url:
            assert (await get(f"{url}/connectors", trusting)) == (200, [])

    async def test_a_client_has_to_show_a_certificate_when_it_is_required(self, herder, files, trusting):
        async with self.serving(herder, files, ClientAuth.REQUIRED) as url:
            with pytest.raises(OSError):
                await get(f"{url}/connectors", trusting)
            trusting.load_cert_chain(files["client"].certificate, files["client"].key)
            assert (await get(f"{url}/connectors", trusting)) == (200, [])

    async def test_the_address_of_a_new_connector_is_https(self, herder, files, trusting):
        async with self.serving(herder, files, ClientAuth.NONE) as url:
            answer = await exchange(int(url.rpartition(":")[2]), creation("Host: w"), trusting)
            assert b"\r\nLocation: https://w/connectors/a\r\n" in answer


class TestKafkaConnectPy:
    """Every call of the client that PyPI has for Kafka Connect."""

    @pytest.fixture
    async def server(self, herder):
        guard = {"token": GUARDED.token, "user": GUARDED.user, "password": GUARDED.password}
        async with serving(herder, **guard) as server:
            yield server

    @pytest.fixture
    def connect(self, server):
        """Return what calls a method of the client, on a thread: it blocks."""
        client = KafkaConnect(url_of(server), auth=f"ann:{PASSWORD}")

        async def call(method, *args, **kwargs):
            return await asyncio.to_thread(getattr(client, method), *args, **kwargs)

        return call

    @pytest.fixture
    async def lines(self, connect):
        await connect("create_connector", {"name": "lines", "config": FILE})

    async def test_it_creates_changes_and_deletes(self, connect, herder):
        created = await connect("create_connector", {"name": "lines", "config": FILE})
        assert created["config"] == {**FILE, "name": "lines"}
        await connect("update_connector", "lines", {**FILE, "file": "b.txt"})
        assert (await connect("get_connector_config", "lines"))["file"] == "b.txt"
        assert (await connect("get_connector", "lines"))["type"] == "source"
        await connect("delete_connector", "lines")
        assert herder.kept == {}

    async def test_it_lists_with_and_without_states(self, connect, lines):
        assert await connect("list_connectors") == ["lines"]
        assert list(await connect("list_connectors", expand="status", state="RUNNING")) == ["lines"]
        assert await connect("list_connectors", expand="status", state="PAUSED") == {}
        assert list((await connect("list_connectors", expand="info"))["lines"]) == ["info"]

    @pytest.mark.parametrize(
        ("method", "state"),
        [
            ("pause_connector", "PAUSED"),
            ("resume_connector", "RUNNING"),
            ("stop_connector", "STOPPED"),
            ("pause_all_connectors", "PAUSED"),
            ("resume_all_connectors", "RUNNING"),
            ("stop_all_connectors", "STOPPED"),
        ],
    )
    async def test_it_pauses_resumes_and_stops(self, connect, lines, method, state):
        await connect(method, *(() if "_all_" in method else ("lines",)))
        assert (await connect("get_connector_status", "lines"))["connector"]["state"] == state

    async def test_it_restarts_connectors_and_tasks(self, connect, lines, herder):
        assert await connect("restart_connector", "lines") is None
        restarted = await connect("restart_connector", "lines", include_tasks=True, only_failed=True)
        assert restarted["connector"]["state"] == "RESTARTING"
        await connect("restart_connector_task", "lines", 0)
        assert herder.calls == [
            "restart lines include_tasks=False only_failed=False",
            "restart lines include_tasks=True only_failed=True",
            "restart lines-0",
        ]

    async def test_it_reads_tasks_and_topics(self, connect, lines, herder):
        assert [task["id"]["task"] for task in await connect("list_connector_tasks", "lines")] == [0]
        assert (await connect("get_connector_task_status", "lines", 0))["state"] == "RUNNING"
        herder.kept["lines"].topics = ["lines"]
        assert await connect("list_connector_topics", "lines") == {"lines": {"topics": ["lines"]}}
        await connect("reset_connector_topics", "lines")
        assert await connect("list_connector_topics", "lines") == {"lines": {"topics": []}}

    async def test_it_reads_the_worker_and_its_plugins(self, connect, herder):
        assert (await connect("get_cluster_info"))["kafka_cluster_id"] == herder.cluster_id
        assert [plugin["type"] for plugin in await connect("list_connector_plugins")] == ["source"]
        assert (await connect("validate_connector_config", "FileStreamSource", FILE))["error_count"] == 0

    async def test_it_is_told_what_is_wrong(self, connect, lines):
        for method, argument, status in (
            ("create_connector", {"name": "lines", "config": FILE}, 409),
            ("create_connector", {"name": "other"}, 400),
            ("get_connector", "nope", 404),
        ):
            with pytest.raises(HTTPError) as caught:
                await connect(method, argument)
            assert caught.value.response is not None
            assert caught.value.response.json()["error_code"] == status

    async def test_it_is_turned_away_with_another_password(self, server):
        client = KafkaConnect(url_of(server), auth="ann:guess")
        with pytest.raises(HTTPError, match="401"):
            await asyncio.to_thread(client.list_connectors)


async def test_requests_under_way_come_to_their_end_before_a_server_stops(herder, monkeypatch):
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slow():
        asked.set()
        await go_on.wait()
        return "id"

    monkeypatch.setattr(herder, "kafka_cluster_id", slow)
    async with serving(herder) as server, asyncio.TaskGroup() as group:
        answer = group.create_task(get(url_of(server)))
        await asked.wait()
        stopping = group.create_task(server.stop())
        while server.addresses:
            await asyncio.sleep(0)
        go_on.set()
    assert (await answer)[0] == 200
    assert stopping.done()


async def test_offsets_are_read_as_they_are_kept(herder):
    async with serving(herder, token=Secret("")) as server:
        await herder.put_connector("a", FILE, replace=False)
        herder.kept["a"].offsets = [ConnectorOffset({"kafka_topic": "t", "kafka_partition": 0}, {"kafka_offset": 4})]
        status, body = await get(f"{url_of(server)}/connectors/a/offsets")
    offset = {"partition": {"kafka_topic": "t", "kafka_partition": 0}, "offset": {"kafka_offset": 4}}
    assert (status, body) == (200, {"offsets": [offset]})
