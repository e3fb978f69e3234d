from __future__ import annotations

from pathlib import Path

import pytest

from cdc.config.secret import Secret
from cdc.connect.rest.settings import ClientAuth, Listener, RestSettings, check, parse_listener, tls_context
from cdc.errors import ConfigError

REMEDY = (
    "Listen on http://127.0.0.1:8083, use https with a certificate and its key, or set a token or a user and password."
)


@pytest.mark.parametrize(
    ("text", "listener"),
    [
        ("http://127.0.0.1:8083", (False, "127.0.0.1", 8083)),
        (" HTTPS://Worker.example:8443/ ", (True, "worker.example", 8443)),
        ("http://:0", (False, "", 0)),
        ("http://[::1]:8083", (False, "::1", 8083)),
        ("http://0.0.0.0:8083", (False, "0.0.0.0", 8083)),
    ],
)
def test_a_listener_is_read(text, listener):
    assert parse_listener(text) == Listener(text.strip(), *listener)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "127.0.0.1:8083",
        "http://host",
        "http://host:x",
        "http://host:99999",
        "ftp://host:1",
        "http://h:1/x",
        "http://user:tell-no-one@h:1",
        "http://h:1?a",
        "http://[::1:8083",
        "http://h:-1",
    ],
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ConfigError, match="the listener") as caught:
        parse_listener(text)
    assert caught.value.remedy == "Write http://127.0.0.1:8083 or https://host:8443."
    assert "tell-no-one" not in str(caught.value)


@pytest.mark.parametrize(
    "listener", ["http://127.0.0.1:8083", "http://127.8.9.10:1", "http://[::1]:8083", "http://localhost:8083"]
)
def test_loopback_needs_no_credentials(listener):
    check(RestSettings(listeners=(listener,)))


@pytest.mark.parametrize(
    "listener", ["http://0.0.0.0:8083", "http://:8083", "http://[::]:8083", "http://10.0.0.1:80", "http://worker:8083"]
)
class TestOffLoopback:
    def test_a_listener_without_tls_and_credentials_is_refused_and_told_how(self, listener):
        with pytest.raises(ConfigError, match="run connectors") as caught:
            check(RestSettings(listeners=("http://127.0.0.1:8083", listener)))
        assert listener in str(caught.value)
        assert caught.value.remedy == REMEDY

    def test_a_token_is_enough(self, listener):
        check(RestSettings(listeners=(listener,), token=Secret("t")))

    def test_a_password_is_enough(self, listener):
        check(RestSettings(listeners=(listener,), user="ann", password=Secret("p")))

    def test_tls_is_enough(self, listener):
        secure = listener.replace("http:", "https:")
        check(RestSettings(listeners=(secure,), certificate=Path("cert.pem"), key=Path("key.pem")))


@pytest.mark.parametrize(
    ("settings", "fact"),
    [
        (RestSettings(listeners=()), "there are no listeners"),
        (RestSettings(user="ann"), "a user without a password"),
        (RestSettings(password=Secret("p")), "a password without a user"),
        (RestSettings(user="a:b", password=Secret("p")), "the user 'a:b' has a colon"),
        (RestSettings(listeners=("https://127.0.0.1:1",)), "the listener https://127.0.0.1:1 has no certificate"),
        (RestSettings(client_auth=ClientAuth.REQUIRED), "client certificates are required, but no authority is known"),
        (RestSettings(max_body=0), "request bodies may have 0 bytes"),
    ],
)
def test_what_does_not_fit_together_is_refused(settings, fact):
    with pytest.raises(ConfigError, match=fact) as caught:
        check(settings)
    assert caught.value.remedy


def test_files_that_tls_cannot_use_are_named(tmp_path):
    (tmp_path / "cert.pem").write_text("no certificate")
    with pytest.raises(ConfigError, match=r"cert\.pem"):
        tls_context(RestSettings(certificate=tmp_path / "cert.pem", key=tmp_path / "absent.pem"))


def test_secrets_are_not_shown():
    shown = repr(RestSettings(token=Secret("tell-no-one"), user="ann", password=Secret("nor-this")))
    assert "tell-no-one" not in shown
    assert "nor-this" not in shown
