"""Which hosts a request may name at an API that demands no credentials (DNS rebinding)."""

from __future__ import annotations

import pytest

from cdc.config.secret import Secret
from cdc.connect.rest.settings import RestSettings
from tests.unit.connect.rest.conversation import TOKEN

OTHERS = [
    "evil.example:8083",
    "evil.example",
    "127.0.0.1.evil.example:8083",
    "localhost.evil.example",
    "[::2]:8083",
    "0.0.0.0:8083",
    "10.0.0.1",
    "127.0.0.1:8083:8083",
    "127.0.0.1@evil.example",
    "",
]


@pytest.mark.parametrize(
    "host", ["localhost:8083", "LocalHost", "localhost.", "127.0.0.1:8083", "127.0.0.1", "127.8.9.10:1", "[::1]:8083"]
)
async def test_this_machine_may_be_named_in_every_way(talker, host):
    assert (await talker.ask("GET", "/connectors", headers={"Host": host})).status == 200


@pytest.mark.parametrize("host", OTHERS)
@pytest.mark.parametrize("path", ["/connectors", "/health", "/no/such/path"])
async def test_a_request_for_another_host_is_refused_with_a_sentence(talker, path, host):
    answer = await talker.ask("GET", path, headers={"Host": host})
    assert answer.status == 403
    assert answer.message == (
        f"The request is for the host {host!r}, and an API without credentials answers only to this machine. Ask for 127.0.0.1 or"
        " localhost, name the host in rest.advertised.host.name, or set rest.token or rest.basic.auth."
    )


async def test_nothing_is_done_for_another_host(talker, herder):
    await herder.put_connector("a", {"connector.class": "FileStreamSource", "topic": "t"}, replace=False)
    assert (await talker.ask("DELETE", "/connectors/a", headers={"Host": "evil.example"})).status == 403
    assert list(herder.kept) == ["a"]


@pytest.mark.parametrize("host", ["worker-1:8083", "WORKER-1"])
async def test_the_advertised_host_may_be_named(talk_to, host):
    talker = await talk_to(RestSettings(advertised_host="Worker-1"))
    assert (await talker.ask("GET", "/connectors", headers={"Host": host})).status == 200
    assert (await talker.ask("GET", "/connectors", headers={"Host": "worker-2:8083"})).status == 403


async def test_an_api_that_demands_credentials_does_not_look_at_the_host(talk_to):
    talker = await talk_to(RestSettings(token=Secret(TOKEN)))
    headers = {"Host": "worker.example:8083", "Authorization": f"Bearer {TOKEN}"}
    assert (await talker.ask("GET", "/connectors", headers=headers)).status == 200
