from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from typing import TypeAlias

import pytest
from aiohttp.test_utils import TestClient, TestServer

from cdc.connect.rest.server import app
from cdc.connect.rest.settings import RestSettings
from cdc.testing.servers.certificates import Certificates, issue, make_authority
from tests.unit.connect.rest.conversation import Talker
from tests.unit.connect.rest.fake import FakeHerder

Start: TypeAlias = Callable[..., Awaitable[Talker]]


@pytest.fixture
def herder() -> FakeHerder:
    return FakeHerder()


@pytest.fixture
async def talk_to(herder: FakeHerder) -> AsyncIterator[Start]:
    """Start the application with some settings, and return who talks to it."""
    async with AsyncExitStack() as stack:

        async def start(settings: RestSettings = RestSettings()) -> Talker:  # noqa: B008, RUF100
            client = TestClient(TestServer(app(herder, settings)))
            return Talker(await stack.enter_async_context(client))

        yield start


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Certificates]:
    """Certificates at localhost and 127.0.0.1, by the names of their owners, all of one authority."""
    folder = tmp_path_factory.mktemp("certificates")
    make_authority(folder)
    return {name: issue(folder, name) for name in ("worker", "client")}


@pytest.fixture
async def talker(talk_to: Start) -> Talker:
    return await talk_to()


def all_loggers() -> list[logging.Logger]:
    known = logging.root.manager.loggerDict.values()
    return [logging.root, *(each for each in known if isinstance(each, logging.Logger))]


@pytest.fixture
def levels() -> Iterator[None]:
    """Give every logger its level back; those that are new lose theirs."""
    before = {logger: logger.level for logger in all_loggers()}
    yield
    for logger in all_loggers():
        logger.setLevel(before.get(logger, logging.NOTSET))
