"""The description is compared with what the application's own router knows, and with itself."""

from __future__ import annotations

import re

import pytest

from cdc.connect.rest.server import app
from cdc.connect.rest.settings import RestSettings

CONNECT = {
    ("GET", "/"),
    ("GET", "/health"),
    ("GET", "/connectors"),
    ("POST", "/connectors"),
    ("GET", "/connectors/{}"),
    ("DELETE", "/connectors/{}"),
    ("GET", "/connectors/{}/config"),
    ("PUT", "/connectors/{}/config"),
    ("PATCH", "/connectors/{}/config"),
    ("GET", "/connectors/{}/status"),
    ("POST", "/connectors/{}/restart"),
    ("PUT", "/connectors/{}/pause"),
    ("PUT", "/connectors/{}/resume"),
    ("PUT", "/connectors/{}/stop"),
    ("GET", "/connectors/{}/tasks"),
    ("GET", "/connectors/{}/tasks/{}/status"),
    ("POST", "/connectors/{}/tasks/{}/restart"),
    ("GET", "/connectors/{}/topics"),
    ("PUT", "/connectors/{}/topics/reset"),
    ("GET", "/connectors/{}/offsets"),
    ("PATCH", "/connectors/{}/offsets"),
    ("DELETE", "/connectors/{}/offsets"),
    ("GET", "/connector-plugins"),
    ("GET", "/connector-plugins/{}/config"),
    ("PUT", "/connector-plugins/{}/config/validate"),
    ("GET", "/admin/loggers"),
    ("GET", "/admin/loggers/{}"),
    ("PUT", "/admin/loggers/{}"),
}
"""The endpoints of Kafka Connect 4.3.1, from the annotations of its classes."""


@pytest.fixture
async def description(talker):
    return (await talker.ask("GET", "/openapi.json")).body


def operations(description):
    return [
        (method.upper(), path, operation)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    ]


def plain(path: str) -> str:
    return re.sub(r"{\w+}", "{}", path)


def test_every_endpoint_of_connect_is_described(description):
    described = {(method, plain(path)) for method, path, _ in operations(description)}
    assert described == CONNECT | {("GET", "/openapi.json"), ("GET", "/metrics"), ("GET", "/health/live")}


def test_what_is_described_is_what_is_served(description, herder):
    served = {
        (route.method, plain(route.resource.canonical.removesuffix("{slash}")))
        for route in app(herder, RestSettings()).router.routes()
        if route.method != "HEAD" and route.resource
    }
    assert {(method, plain(path)) for method, path, _ in operations(description)} == served


def test_every_parameter_of_a_path_is_described_once(description):
    for _, path, operation in operations(description):
        described = [each["name"] for each in operation["parameters"] if each["in"] == "path"]
        assert described == re.findall(r"{(\w+)}", path)


def test_operations_have_names_of_their_own(description):
    names = [operation["operationId"] for _, _, operation in operations(description)]
    assert len(set(names)) == len(names)


def references(value):
    if isinstance(value, dict):
        yield from [value["$ref"]] if "$ref" in value else []
        value = list(value.values())
    for each in value if isinstance(value, list) else []:
        yield from references(each)


def test_every_reference_leads_to_a_schema_and_every_schema_is_used(description):
    known = {f"#/components/schemas/{name}" for name in description["components"]["schemas"]}
    assert set(references(description)) == known


def test_every_operation_has_answers_and_the_shape_of_errors(description):
    for _, _, operation in operations(description):
        assert set(operation["responses"]) > {"default"}
        assert all(answer["description"] for answer in operation["responses"].values())


def test_only_readiness_needs_no_credentials(description):
    public = [path for _, path, operation in operations(description) if operation.get("security") == []]
    assert public == ["/health", "/health/live"]
