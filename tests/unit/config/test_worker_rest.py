"""Where the REST API of a worker listens, and who may use it."""

from __future__ import annotations

import pytest

from cdc.config.worker import Listener
from cdc.errors import ConfigError
from tests.unit.config.worker_file import problems, settings

PEOPLE = "http://0.0.0.0:8083"


@pytest.mark.parametrize(
    ("text", "listener"),
    [
        ("http://127.0.0.1:8083", Listener("http", "127.0.0.1", 8083)),
        (" HTTPS://Worker.example:8443/ ", Listener("https", "worker.example", 8443)),
        ("http://:0", Listener("http", "", 0)),
        ("http://[::1]:65535", Listener("http", "::1", 65535)),
        ("http://0.0.0.0:8083", Listener("http", "0.0.0.0", 8083)),
    ],
)
def test_a_listener_is_read_and_written(text, listener):
    assert Listener.parse(text) == listener
    assert Listener.parse(str(listener)) == listener


@pytest.mark.parametrize(
    "text",
    [
        "",
        "127.0.0.1:8083",
        "http://host",
        "http://host:x",
        "http://host:65536",
        "http://host:٣",
        "ftp://host:1",
        "http://h:1/x",
        "http://user:tell-no-one@h:1",
        "http://tell-no-one@h:1",
        "http://h:1?a",
        "http://[::1:8083",
        "http://[x]:8083",
        "http://h:-1",
    ],
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ConfigError, match="the listener") as caught:
        Listener.parse(text)
    assert caught.value.remedy == "Write http://127.0.0.1:8083 or https://host:8443."
    assert "tell-no-one" not in str(caught.value)


def test_the_api_listens_at_loopback_by_default():
    (listener,) = settings().rest.listeners
    assert str(listener) == "http://127.0.0.1:8083"
    assert listener.is_loopback


@pytest.mark.parametrize("listeners", ["http://localhost:0", "HTTP://127.0.0.2:1", "http://[::1]:8083/"])
def test_loopback_needs_no_login(listeners):
    assert settings(listeners=listeners).rest.listeners[0].scheme == "http"


@pytest.mark.parametrize("listeners", [PEOPLE, "http://:8083", "http://example.org:80", "http://[::]:8083"])
def test_beyond_loopback_there_must_be_tls_or_a_login(listeners, tmp_path):
    sentence = problems({"listeners": listeners})["listeners"]
    assert "open to everybody who can reach this machine" in sentence
    assert "Set rest.token or rest.basic.auth" in sentence
    assert settings(listeners=listeners, rest_token="t0ken").rest.token.reveal() == "t0ken"
    assert settings(listeners=listeners, rest_basic_auth="anna:a:b").rest.basic_auth.reveal() == "anna:a:b"
    secured = {"listeners_https_ssl_keystore_location": "/etc/api.pem", "listeners_https_ssl_client_auth": "required"}
    found = settings(listeners=listeners.replace("http", "https"), **secured).rest
    assert (found.certificate_file, found.client_auth) == ("/etc/api.pem", "required")


def test_one_guarded_listener_does_not_excuse_another():
    raw = {"listeners": f"https://:1,{PEOPLE}", "listeners.https.ssl.keystore.location": "/x.pem"}
    assert PEOPLE in problems(raw)["listeners"]


@pytest.mark.parametrize(
    ("raw", "name", "fact"),
    [
        ({"listeners": "https://127.0.0.1:1"}, "listeners", "has no certificate"),
        ({"listeners": "ftp://x:1"}, "listeners", "holds 'ftp://x:1'"),
        ({"listeners": "http://x:65536"}, "listeners", "holds 'http://x:65536'"),
        ({"listeners": " , "}, "listeners", "is empty"),
        ({"rest.basic.auth": "hunter2"}, "rest.basic.auth", "is not user:password"),
        ({"rest.advertised.port": "0"}, "rest.advertised.port", "is out of range"),
        (
            {"listeners.https.ssl.keystore.location": "/k.jks"},
            "listeners.https.ssl.keystore.location",
            "only PEM is read",
        ),
        ({"access.control.allow.origin": "*"}, "access.control.allow.origin", "not supported yet"),
        ({"security.protocol": "SASL_SSL"}, "sasl.mechanism", "sasl.mechanism is not set"),
    ],
)
def test_what_cannot_be_is_refused(raw, name, fact):
    sentence = problems(raw)[name]
    assert fact in sentence
    assert "hunter2" not in sentence
