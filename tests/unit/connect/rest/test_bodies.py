"""Mistakes in bodies: where Connect answers 500, the answer is 400 with a sentence that names what is wrong."""

from __future__ import annotations

import gzip
import json

import pytest

from cdc.connect.rest.settings import RestSettings
from tests.unit.connect.rest.conversation import FILE
from tests.unit.connect.rest.fake import SOURCE, Kept

NO_OBJECT = [
    ("{not json", "line 1, column 2"),
    ('{"a": 1} trailing', "The body is not JSON: Extra data in line 1, column 10"),
    ('{"a": NaN}', "NaN is no number in JSON"),
    ("[" * 100_000, "too deeply nested"),
    ("", "The body is empty"),
    ("null", "The body is null, not an object"),
    ("[]", "The body is an array, not an object"),
    ('"x"', "The body is a text, not an object"),
    ("true", "The body is a boolean, not an object"),
    ("7", "not an object"),
    (b'{"a": "\xff"}', "The body is not UTF-8: byte 7 is 0xff"),
    (r'{"a": "\ud800"}', "half a character"),
    (r'{"\udfff": "a"}', "half a character"),
]
TAKE_BODIES = [
    ("POST", "/connectors"),
    ("PUT", "/connectors/a/config"),
    ("PATCH", "/connectors/a/config"),
    ("PATCH", "/connectors/a/offsets"),
    ("PUT", "/connector-plugins/FileStreamSource/config/validate"),
    ("PUT", "/admin/loggers/root"),
]


@pytest.mark.parametrize(("method", "path"), TAKE_BODIES)
@pytest.mark.parametrize(("body", "fact"), NO_OBJECT, ids=[str(number) for number in range(len(NO_OBJECT))])
async def test_a_body_that_is_no_json_object_is_refused_with_what_is_wrong(talker, method, path, body, fact):
    answer = await talker.ask(method, path, body)
    assert (answer.status, fact in answer.message) == (400, True), answer.message


@pytest.mark.parametrize(
    ("body", "fact"),
    [
        ({"name": "a"}, "The body has no config"),
        ({"name": "a", "config": None}, "The body has no config"),
        ({"name": "a", "config": [1]}, "config is an array, not an object"),
        ({"name": "a", "config": "x"}, "config is a text, not an object"),
        ({"name": "a", "config": {**FILE, "o": {"a": 1}}}, "config gives o an object"),
        ({"name": "a", "config": {**FILE, "o": [1]}}, "config gives o an array"),
        ({"name": ["a"], "config": FILE}, "The body gives name an array"),
        ({"name": "a", "config": FILE, "unknown": 1}, 'Unrecognized field "unknown"'),
        ({"name": "a", "config": FILE, "initial_state": "bogus"}, "The initial_state is 'bogus'"),
        ({"name": "a", "config": FILE, "initial_state": {}}, "The body gives initial_state an object"),
        ({"config": FILE}, "Invalid value  for configuration name: String may not be empty"),
        ({"name": "  ", "config": FILE}, "Invalid value  for configuration name: String may not be empty"),
        ({"config": {**FILE, "name": "b"}}, "name configuration (b) doesn't match connector name in the URL ()"),
        ({"name": "a", "config": {**FILE, "name": "b"}}, "(b) doesn't match connector name in the URL (a)"),
    ],
)
async def test_a_connector_is_not_created_from_a_body_of_the_wrong_shape(talker, herder, body, fact):
    answer = await talker.ask("POST", "/connectors", body)
    assert (answer.status, fact in answer.message) == (400, True), answer.message
    assert herder.kept == {}


@pytest.mark.parametrize(
    ("method", "path", "wrap"),
    [("POST", "/connectors", True), ("PUT", "/connectors/a/config", False)],
    ids=["POST", "PUT"],
)
async def test_properties_that_are_null_are_refused_all_at_once(talker, herder, method, path, wrap):
    config = {**FILE, "x": None, "y": None}
    answer = await talker.ask(method, path, {"name": "a", "config": config} if wrap else config)
    assert answer.status == 400
    assert answer.message.splitlines() == [
        "Connector configuration is invalid and contains the following 2 error(s):",
        "Invalid value null for configuration x: Null value can not be supplied as the configuration value.",
        "Invalid value null for configuration y: Null value can not be supplied as the configuration value.",
        "You can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`",
    ]
    assert herder.kept == {}


async def test_a_validation_lists_properties_that_are_null(talker, herder):
    herder.validation = {"name": SOURCE, "error_count": 1, "groups": [], "configs": [{"definition": None}]}
    answer = await talker.ask("PUT", "/connector-plugins/FileStreamSource/config/validate", {**FILE, "z": None})
    assert (answer.status, answer.body["error_count"]) == (200, 2)
    assert answer.body["configs"][0] == {
        "definition": None,
        "value": {
            "name": "z",
            "value": None,
            "recommended_values": [],
            "errors": ["Null value can not be supplied as the configuration value."],
            "visible": True,
        },
    }
    assert herder.validated == [("FileStreamSource", FILE)]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/vnd.api+json"])
async def test_a_body_that_does_not_say_that_it_is_json_is_refused(talker, kind):
    answer = await talker.ask("POST", "/connectors", json.dumps({"name": "a", "config": FILE}), {"Content-Type": kind})
    assert (answer.status, answer.message) == (415, "HTTP 415 Unsupported Media Type")


async def test_json_may_say_its_character_set(talker):
    kind = {"Content-Type": "application/json; charset=utf-8"}
    assert (await talker.ask("POST", "/connectors", {"name": "a", "config": FILE}, kind)).status == 201


@pytest.mark.parametrize("compressed", [False, True])
async def test_a_body_above_the_bound_is_refused_also_when_it_is_compressed(talk_to, herder, compressed):
    talker = await talk_to(RestSettings(max_body=1000))
    body = json.dumps({"name": "a", "config": {**FILE, "x": "y" * 1000}}).encode()
    encoding = {"Content-Encoding": "gzip"} if compressed else {}
    answer = await talker.ask("POST", "/connectors", gzip.compress(body) if compressed else body, encoding)
    assert answer.status == 413
    assert answer.message == "HTTP 413 Request Entity Too Large: a body may have up to 1000 bytes"
    assert herder.kept == {}


async def test_a_body_that_is_not_compressed_as_it_says_is_refused(talker):
    answer = await talker.ask("POST", "/connectors", b"no gzip", {"Content-Encoding": "gzip"})
    assert (answer.status, "not compressed as it says" in answer.message) == (400, True)


async def test_a_body_of_a_mebibyte_is_taken(talker):
    rest = len(json.dumps({"name": "a", "config": {**FILE, "x": ""}}))
    body = {"name": "a", "config": {**FILE, "x": "y" * ((1 << 20) - rest)}}
    assert (await talker.ask("POST", "/connectors", body)).status == 201


@pytest.mark.parametrize(
    ("body", "fact"),
    [
        ({}, "Partitions / offsets need to be provided for an alter offsets request"),
        ({"offsets": []}, "Partitions / offsets need to be provided for an alter offsets request"),
        ({"offsets": "x"}, "offsets is not an array"),
        ({"offsets": [{"offset": {"position": 1}}]}, "offsets[0].partition is null, not an object"),
        ({"offsets": [{"partition": {}}, {"partition": "x"}]}, "offsets[1].partition is a text, not an object"),
        ({"offsets": [{"partition": {}, "offset": 7}]}, "offsets[0].offset is a number, not an object"),
        ({"offsets": [{"partition": {}, "position": 7}]}, 'Unrecognized field "position"'),
        ({"offsets": [5]}, "offsets[0] is a number, not an object"),
        ({"offset": []}, 'Unrecognized field "offset"'),
    ],
)
async def test_offsets_are_not_altered_by_a_body_of_the_wrong_shape(talker, herder, body, fact):
    herder.kept["a"] = Kept(FILE)
    await talker.ask("PUT", "/connectors/a/stop")
    answer = await talker.ask("PATCH", "/connectors/a/offsets", body)
    assert (answer.status, fact in answer.message) == (400, True), answer.message
    assert herder.kept["a"].offsets == []


async def test_offsets_keep_the_types_of_their_values(talker, herder):
    herder.kept["a"] = Kept(FILE)
    await talker.ask("PUT", "/connectors/a/stop")
    offsets = [{"partition": {"p": 1}, "offset": {"lsn": 2**64, "f": 1.5, "b": True, "n": None, "t": "é"}}]
    assert (await talker.ask("PATCH", "/connectors/a/offsets", {"offsets": offsets})).status == 200
    assert (await talker.ask("GET", "/connectors/a/offsets")).body == {"offsets": offsets}


async def test_an_offset_of_null_is_handed_on(talker, herder):
    herder.kept["a"] = Kept(FILE)
    await talker.ask("PUT", "/connectors/a/stop")
    await talker.ask("PATCH", "/connectors/a/offsets", {"offsets": [{"partition": {"p": "x"}, "offset": None}]})
    assert herder.kept["a"].offsets[0].offset is None


@pytest.mark.parametrize(
    ("plugin", "config", "fact"),
    [
        ("FileStreamSource", {}, "contains no connector type"),
        ("FileStreamSink", FILE, "Included connector type FileStreamSource does not match request type FileStreamSink"),
    ],
)
async def test_a_configuration_of_another_class_is_not_validated(talker, herder, plugin, config, fact):
    answer = await talker.ask("PUT", f"/connector-plugins/{plugin}/config/validate", config)
    assert (answer.status, fact in answer.message, herder.validated) == (400, True, [])


@pytest.mark.parametrize("plugin", ["FileStreamSource", "FileStreamSourceConnector", SOURCE])
async def test_a_plugin_goes_by_its_class_and_by_its_aliases(talker, plugin):
    config = {**FILE, "connector.class": SOURCE}
    assert (await talker.ask("PUT", f"/connector-plugins/{plugin}/config/validate", config)).status == 200
