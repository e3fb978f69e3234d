from __future__ import annotations

import base64

import pytest

from cdc.config.secret import Secret
from cdc.connect.rest.middlewares import is_authentic
from cdc.connect.rest.settings import RestSettings
from tests.unit.connect.rest.conversation import GUARDED, PASSWORD, TOKEN


def basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


GOOD = [f"Bearer {TOKEN}", f"bearer {TOKEN}", basic(f"ann:{PASSWORD}"), basic(f"ann:{PASSWORD}").replace("B", "b", 1)]
BAD = [
    "",
    "Bearer",
    "Bearer ",
    f"Bearer {TOKEN}x",
    f"Bearer {TOKEN[:-1]}",
    f"Basic {TOKEN}",
    TOKEN,
    basic(f"ann:{PASSWORD}x"),
    basic(f"eve:{PASSWORD}"),
    basic("ann:"),
    basic(":"),
    basic(TOKEN),
    "Basic ****",
    "Bearer é",
    "Negotiate abc",
]


@pytest.mark.parametrize("header", GOOD)
async def test_the_token_or_the_password_lets_a_request_through(talk_to, header):
    talker = await talk_to(GUARDED)
    assert (await talker.ask("GET", "/connectors", headers={"Authorization": header})).status == 200


@pytest.mark.parametrize("header", BAD)
@pytest.mark.parametrize("path", ["/connectors", "/", "/openapi.json", "/no/such/path", "/admin/loggers", "/health/x"])
async def test_anything_else_is_turned_away(talk_to, path, header):
    talker = await talk_to(GUARDED)
    answer = await talker.ask("GET", path, headers={"Authorization": header} if header else {})
    assert (answer.status, answer.message) == (401, "HTTP 401 Unauthorized")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="cdc-stream", Basic realm="cdc-stream"'


@pytest.mark.parametrize(
    ("settings", "header", "scheme"),
    [
        (RestSettings(token=Secret(TOKEN)), basic(f":{PASSWORD}"), "Bearer"),
        (RestSettings(token=Secret(TOKEN)), basic(":"), "Bearer"),
        (RestSettings(user="ann", password=Secret(PASSWORD)), "Bearer ", "Basic"),
    ],
)
async def test_what_was_not_set_opens_nothing(talk_to, settings, header, scheme):
    talker = await talk_to(settings)
    answer = await talker.ask("GET", "/connectors", headers={"Authorization": header})
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, f'{scheme} realm="cdc-stream"')


def test_bytes_that_are_no_text_open_nothing():
    assert not is_authentic("Bearer \udce9", GUARDED)


async def test_readiness_is_told_to_everyone(talk_to):
    talker = await talk_to(GUARDED)
    assert (await talker.ask("GET", "/health")).status == 200


async def test_a_body_is_not_read_before_the_credentials_are(talk_to):
    talker = await talk_to(GUARDED)
    assert (await talker.ask("POST", "/connectors", "{not json")).status == 401


async def test_no_secret_is_shown_or_logged(talk_to, herder, caplog):
    caplog.set_level("DEBUG")
    talker = await talk_to(GUARDED)
    herder.fails = LookupError("boom")
    for header in (f"Bearer {TOKEN}", basic(f"ann:{PASSWORD}"), f"Bearer {TOKEN}x"):
        answer = await talker.ask("GET", "/connectors", headers={"Authorization": header})
        shown = f"{answer.body} {answer.headers} {caplog.text} {GUARDED}"
        assert TOKEN not in shown
        assert PASSWORD not in shown
