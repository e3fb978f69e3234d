"""Requests that only the leader can carry out, asked of another worker."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import zlib
from contextlib import asynccontextmanager
from urllib.parse import quote

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from yarl import URL

from cdc.config.secret import Secret
from cdc.connect.herder import NotLeader
from cdc.connect.rest import forwarding
from cdc.connect.rest.settings import ClientAuth
from tests.unit.connect.rest.conversation import FILE, GUARDED, PASSWORD, TOKEN, Answer
from tests.unit.connect.rest.fake import FakeHerder
from tests.unit.connect.rest.serving import serving

CONFLICT = "Cannot complete request because of a conflicting operation (e.g. worker rebalance)"
CREDENTIALS = [f"Bearer {TOKEN}", f"Basic {base64.b64encode(f'ann:{PASSWORD}'.encode()).decode()}"]
GUARD = {"token": GUARDED.token, "user": GUARDED.user, "password": GUARDED.password}
CHANGES = (
    "put_connector",
    "patch_connector",
    "delete_connector",
    "set_target",
    "restart",
    "restart_task",
    "reset_topics",
    "alter_offsets",
    "reset_offsets",
)


class Follower(FakeHerder):
    """A herder that leaves all changes to the leader."""

    def __init__(self, leader_url: str) -> None:
        super().__init__()
        self.leader_url = leader_url
        for change in CHANGES:
            setattr(self, change, self._refuse)

    async def _refuse(self, *args, **kwargs):
        raise NotLeader(self.leader_url)


async def ask(url, method, path, body=None, headers=None):
    """Ask as any client, following nothing."""
    data, kind = (None, {}) if body is None else (json.dumps(body), {"Content-Type": "application/json"})
    async with (
        ClientSession(auto_decompress=True) as session,
        session.request(
            method,
            URL(url.rstrip("/") + path, encoded=True),
            data=data,
            headers={**kind, **(headers or {})},
            allow_redirects=False,
        ) as response,
    ):
        text = await response.text()
        return Answer(response.status, json.loads(text) if text else None, response.headers)


@pytest.fixture
async def leader(herder):
    async with serving(herder) as server:
        yield server


@pytest.fixture
async def follower(leader):
    async with serving(Follower(leader.url)) as server:
        yield server


async def test_a_connector_is_created_at_the_leader_and_has_an_address_at_the_worker_that_was_asked(follower, herder):
    answer = await ask(follower.url, "POST", "/connectors", {"name": "lines", "config": FILE})
    assert (answer.status, answer.body["config"]) == (201, {**FILE, "name": "lines"})
    assert answer.headers["Location"] == f"{follower.url}connectors/lines"
    assert answer.headers["Content-Type"].startswith("application/json")
    assert herder.kept["lines"].config == {**FILE, "name": "lines"}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/config", {**FILE, "file": "b.txt"}),
        ("PUT", "/config", {"connector.class": "nope"}),
        ("PATCH", "/config", {"file": None, "topic": "é"}),
        ("PUT", "/pause", None),
        ("PUT", "/stop", None),
        ("POST", "/restart", None),
        ("POST", "/restart?includeTasks=true&onlyFailed=true", None),
        ("POST", "/tasks/0/restart", None),
        ("POST", "/tasks/7/restart", None),
        ("PUT", "/topics/reset", None),
        ("PATCH", "/offsets", {"offsets": [{"partition": {"filename": "in.txt"}, "offset": {"position": 4}}]}),
        ("DELETE", "/offsets", None),
        ("DELETE", "", None),
    ],
)
async def test_a_worker_answers_as_the_leader_does(method, path, body):
    found = []
    for forwards in (False, True):
        herder = FakeHerder()
        await herder.put_connector("lines", FILE, replace=False)
        async with serving(herder) as leader, serving(Follower(leader.url)) as follower:
            answer = await ask((follower if forwards else leader).url, method, f"/connectors/lines{path}", body)
        found.append((answer.status, answer.body, herder.kept, herder.calls))
    assert found[0] == found[1]


async def test_what_no_leader_is_needed_for_is_answered_by_the_worker_itself():
    async with serving(Follower("http://127.0.0.1:9/")) as follower:
        assert (await ask(follower.url, "GET", "/connectors")).body == []


@pytest.mark.parametrize("name", ['sp a/c"é中%?#', "a%2Fb", "..", "{x}", "a;b=c&d+e", "🐘", "line\nbreak", "%"])
async def test_names_with_odd_characters_reach_the_leader_as_they_are(follower, herder, name):
    path = quote(name, safe="")
    answer = await ask(follower.url, "PUT", f"/connectors/{path}/config", FILE)
    assert (answer.status, list(herder.kept)) == (201, [name])
    if name != "..":  # clients shorten such a path
        assert answer.headers["Location"] == f"{follower.url}connectors/{path}"


@asynccontextmanager
async def listening(handler):
    """A leader that is no `RestServer`: what it was asked, and how it answers, is seen by the test."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handler)
    async with TestServer(application, host="127.0.0.1") as server:
        yield str(server.make_url("/"))


async def test_the_leader_is_asked_what_the_worker_was_asked():
    seen = []

    async def note(request):
        headers = {name: request.headers.get(name) for name in ("Content-Type", "Accept", "Authorization", "Cookie")}
        query = [*request.query.items()]
        seen.append((request.method, request.rel_url.raw_path, query, await request.read(), headers))
        return web.json_response({}, status=202)

    body = {"file": "é", "n": 1}
    headers = {"Accept": "application/json", "Authorization": CREDENTIALS[0], "Cookie": "a=b"}
    async with listening(note) as url, serving(Follower(url)) as follower:
        await ask(follower.url, "PATCH", "/connectors/a%2Fb/config?x=1&x=%26&forward=true", body, headers)
    kept = {"Content-Type": "application/json", **headers, "Cookie": None}
    query = [("x", "1"), ("x", "&"), ("forward", "false")]
    assert seen == [("PATCH", "/connectors/a%2Fb/config", query, json.dumps(body).encode(), kept)]


async def test_nothing_of_a_request_is_kept_for_the_next_one():
    seen = []

    async def note(request):
        seen.append((request.transport.get_extra_info("peername"), request.headers.get("Cookie")))
        return web.json_response({}, headers={"Set-Cookie": "a=b"})

    async with listening(note) as url, serving(Follower(url.replace("127.0.0.1", "localhost"))) as follower:
        for _ in range(2):
            answer = await ask(follower.url, "DELETE", "/connectors/a")
            assert (answer.status, answer.headers.get("Set-Cookie")) == (200, None)
    (first, _), (second, cookie) = seen
    assert first != second
    assert cookie is None


async def test_a_body_that_came_compressed_arrives_whole(follower, herder):
    body = zlib.compress(json.dumps(FILE).encode())
    headers = {"Content-Type": "application/json", "Content-Encoding": "deflate"}
    async with (
        ClientSession() as session,
        session.put(f"{follower.url}connectors/a/config", data=body, headers=headers) as answer,
    ):
        assert answer.status == 201
    assert herder.kept["a"].config == {**FILE, "name": "a"}


@pytest.mark.parametrize("flag", ["false", "False"])
async def test_a_request_that_was_forwarded_is_not_forwarded_again(follower, herder, flag):
    answer = await ask(follower.url, "PUT", f"/connectors/a/config?forward={flag}", FILE)
    assert (answer.status, answer.message) == (409, CONFLICT)
    assert herder.kept == {}


async def test_workers_that_take_each_other_for_the_leader_say_so():
    first = Follower("")
    async with serving(first) as one, serving(Follower(one.url)) as other:
        first.leader_url = other.url
        answer = await asyncio.wait_for(ask(one.url, "DELETE", "/connectors/a"), 60)
    assert (answer.status, answer.message) == (409, CONFLICT)


async def test_without_a_leader_the_client_is_told_to_wait():
    async with serving(Follower("")) as follower:
        answer = await ask(follower.url, "DELETE", "/connectors/a")
    assert (answer.status, answer.message) == (
        409,
        "Cannot complete request momentarily due to no known leader URL, likely because a rebalance was underway.",
    )


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/", "ftp://127.0.0.1:{port}/", "http://[", "worker-1:{port}"])
async def test_a_leader_that_cannot_be_reached_is_named(url):
    with socket.socket() as deaf:  # a port that is taken, and not listened at
        deaf.bind(("127.0.0.1", 0))
        leader = url.format(port=deaf.getsockname()[1])
        async with serving(Follower(leader)) as follower:
            answer = await ask(follower.url, "DELETE", "/connectors/a")
    assert answer.status == 503
    assert answer.message.startswith("IO Error trying to forward REST request: ")
    assert answer.message.endswith(f"once the leader at {leader} can be reached from this worker.")


async def test_a_leader_that_does_not_answer_is_waited_for_no_longer_than_that(monkeypatch):
    monkeypatch.setattr(forwarding, "SECONDS", 0.2)

    async def never(request):
        await asyncio.Event().wait()

    async with listening(never) as url, serving(Follower(url)) as follower:
        answer = await ask(follower.url, "DELETE", "/connectors/a")
    assert (answer.status, "no answer within" in answer.message) == (503, True)


async def test_an_answer_that_is_too_large_is_not_taken(monkeypatch):
    monkeypatch.setattr(forwarding, "LARGEST_ANSWER", 1000)

    async def much(request):
        return web.json_response(["x" * 2000])

    async with listening(much) as url, serving(Follower(url)) as follower:
        answer = await ask(follower.url, "DELETE", "/connectors/a")
    assert (answer.status, "more than 1000 bytes" in answer.message) == (503, True)


async def test_a_redirection_is_not_followed(leader, herder):
    await herder.put_connector("a", FILE, replace=False)

    async def elsewhere(request):
        raise web.HTTPTemporaryRedirect(f"{leader.url}connectors/a")

    async with (
        listening(elsewhere) as url,
        serving(Follower(url)) as follower,
        ClientSession() as session,
        session.delete(f"{follower.url}connectors/a", allow_redirects=False) as answer,
    ):
        assert (answer.status, answer.headers.get("Location")) == (307, None)
    assert list(herder.kept) == ["a"]


class TestCredentials:
    @pytest.mark.parametrize("header", CREDENTIALS)
    async def test_those_of_the_client_are_good_at_the_leader(self, herder, header):
        async with serving(herder, **GUARD) as leader, serving(Follower(leader.url), **GUARD) as follower:
            answer = await ask(follower.url, "PUT", "/connectors/a/config", FILE, {"Authorization": header})
        assert (answer.status, list(herder.kept)) == (201, ["a"])

    async def test_a_client_without_them_does_not_reach_the_leader(self, herder):
        async with serving(herder) as leader, serving(Follower(leader.url), **GUARD) as follower:
            answer = await ask(follower.url, "PUT", "/connectors/a/config", FILE)
        assert (answer.status, herder.kept) == (401, {})

    async def test_a_leader_that_demands_others_is_not_got_round(self, herder):
        async with (
            serving(herder, token=Secret("another")) as leader,
            serving(Follower(leader.url), **GUARD) as follower,
        ):
            answer = await ask(follower.url, "DELETE", "/connectors/a", headers={"Authorization": CREDENTIALS[0]})
        assert (answer.status, answer.message) == (401, "HTTP 401 Unauthorized")
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="cdc-stream"'


class TestTls:
    @pytest.fixture
    def tls(self, files):
        own = files["client"]
        return {"certificate": own.certificate, "key": own.key, "ca": own.authority}

    @asynccontextmanager
    async def leading(self, herder, files, host="127.0.0.1"):
        own = files["worker"]
        tls = {"certificate": own.certificate, "key": own.key, "ca": own.authority, "client_auth": ClientAuth.REQUIRED}
        async with serving(herder, listeners=(f"https://{host}:0",), **tls) as leader:
            assert leader.url.startswith("https://")
            yield leader

    async def test_workers_show_each_other_their_certificates(self, herder, files, tls):
        async with self.leading(herder, files) as leader, serving(Follower(leader.url), **tls) as follower:
            answer = await ask(follower.url, "PUT", "/connectors/a/config", FILE)
        assert (answer.status, list(herder.kept)) == (201, ["a"])

    async def test_a_leader_of_an_unknown_authority_is_sent_nothing(self, herder, files, tls):
        async with self.leading(herder, files) as leader, serving(Follower(leader.url), **{**tls, "ca": None}) as other:
            answer = await ask(other.url, "PUT", "/connectors/a/config", FILE)
        assert (answer.status, herder.kept) == (503, {})
        assert "certificate verify failed" in answer.message

    async def test_a_leader_at_an_address_that_its_certificate_does_not_name_is_sent_nothing(self, herder, files, tls):
        async with self.leading(herder, files, "127.0.0.2") as leader, serving(Follower(leader.url), **tls) as follower:
            answer = await ask(follower.url, "PUT", "/connectors/a/config", FILE)
        assert (answer.status, herder.kept) == (503, {})
        assert "IP address mismatch" in answer.message
