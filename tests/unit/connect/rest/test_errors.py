from __future__ import annotations

import logging
from importlib.metadata import version

import pytest

from cdc.connect.herder import Conflict, RequestError
from cdc.errors import KafkaUnavailable


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (KafkaUnavailable("no broker at k:9092", "Start one."), 500, "no broker at k:9092. Start one."),
        (Conflict("Cannot complete request"), 409, "Cannot complete request"),
        (RequestError("this is wrong", "Do that."), 400, "this is wrong. Do that."),
    ],
)
async def test_an_error_of_the_herder_is_told_as_it_is(talker, herder, caplog, error, status, message):
    herder.fails = error
    answer = await talker.ask("GET", "/connectors")
    assert (answer.status, answer.message, caplog.records) == (status, message, [])


async def test_an_unexpected_error_is_logged_once_and_told_without_its_details(talker, herder, caplog):
    herder.fails = LookupError("the internals of /srv/cdc")
    answer = await talker.ask("GET", "/connectors")
    assert answer.status == 500
    assert answer.message == "The worker failed to carry out this request; its log says why."
    [record] = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "GET /connectors failed")
    assert record.exc_info
    assert record.exc_info[1] is herder.fails


@pytest.mark.parametrize("path", ["/no/such/path", "/connectors/a/nope", "/connectors//status", "/health/x", "/Health"])
async def test_an_unknown_path_is_not_found(talker, path):
    answer = await talker.ask("GET", path)
    assert (answer.status, answer.message) == (404, "HTTP 404 Not Found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/connectors", {"GET", "HEAD", "POST"}),
        ("PUT", "/health", {"GET", "HEAD"}),
        ("OPTIONS", "/connectors/a/restart", {"POST"}),
    ],
)
async def test_a_method_that_a_path_does_not_have_is_not_allowed(talker, method, path, allowed):
    answer = await talker.ask(method, path)
    assert (answer.status, answer.message) == (405, "HTTP 405 Method Not Allowed")
    assert set(answer.headers["Allow"].replace(" ", "").split(",")) == allowed


async def test_other_web_pages_get_no_leave_to_read_answers(talker):
    answer = await talker.ask("GET", "/connectors", headers={"Origin": "http://elsewhere"})
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


async def test_a_slash_may_end_a_path(talker):
    assert (await talker.ask("GET", "/connectors/")).body == []


async def test_a_worker_that_still_starts_says_so(talker, herder):
    herder.ready = False
    answer = await talker.ask("GET", "/health")
    assert answer.status == 503
    assert answer.body == {"status": "starting", "message": "Worker is still starting up."}


async def test_the_version_is_that_of_the_package(talker):
    assert (await talker.ask("GET", "/")).body["version"] == version("cdc-stream")
