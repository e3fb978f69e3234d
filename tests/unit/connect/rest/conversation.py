"""Talking to the application in tests: requests as they go over the wire, answers as JSON."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from aiohttp.test_utils import TestClient
from multidict import CIMultiDictProxy
from yarl import URL

from cdc.config.secret import Secret
from cdc.connect.rest.settings import RestSettings

TOKEN = "a-token-of-the-tests"
PASSWORD = "a-password-of-the-tests"
GUARDED = RestSettings(token=Secret(TOKEN), user="ann", password=Secret(PASSWORD))
FILE = {"connector.class": "FileStreamSource", "file": "in.txt", "topic": "lines"}
"""A configuration that the fake herder takes."""


class Answer(NamedTuple):
    """What came back; `body` is None when there was none."""

    status: int
    body: Any
    headers: CIMultiDictProxy[str]

    @property
    def message(self) -> str:
        """The sentence of an error, after a look at its shape."""
        assert self.body == {"error_code": self.status, "message": self.body["message"]}
        assert self.headers["Content-Type"] == "application/json"
        return str(self.body["message"])


class Talker:
    """Sends requests to an application; a body that is no text or bytes is sent as JSON."""

    def __init__(self, client: TestClient[Any, Any]) -> None:
        self._client = client

    async def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        data = body if body is None or isinstance(body, str | bytes) else json.dumps(body)
        kind = {} if body is None else {"Content-Type": "application/json"}
        url = URL(str(self._client.make_url("/")).rstrip("/") + path, encoded=True)
        async with self._client.session.request(
            method, url, data=data, headers={**kind, **(headers or {})}, allow_redirects=False
        ) as response:
            text = await response.text()
            return Answer(response.status, json.loads(text) if text else None, response.headers)
