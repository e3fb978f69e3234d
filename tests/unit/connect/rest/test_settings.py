from __future__ import annotations

from pathlib import Path

import pytest

from cdc.config.secret import Secret
from cdc.config.worker import WorkerSettings
from cdc.connect.rest.settings import ClientAuth, RestSettings, check, client_context, tls_context
from cdc.errors import ConfigError

REMEDY = (
    "Listen on http://127.0.0.1:8083, use https with a certificate and its key, or set a token or a user and password."
)


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
    with pytest.raises(ConfigError, match=r"ca\.pem"):
        client_context(RestSettings(ca=tmp_path / "ca.pem"))


def test_everything_that_a_worker_says_of_its_api_is_taken():
    worker = WorkerSettings.from_raw(
        {
            "listeners": "https://:8443",
            "listeners.https.ssl.keystore.location": "/cert.pem",
            "listeners.https.ssl.key.location": "/key.pem",
            "listeners.https.ssl.key.password": "p",
            "listeners.https.ssl.truststore.location": "/ca.pem",
            "listeners.https.ssl.client.auth": "requested",
            "rest.token": "t",
            "rest.basic.auth": "ann:b:c",
            "rest.advertised.host.name": "worker-1",
            "rest.advertised.port": "443",
            "rest.advertised.listener": "https",
            "group.id": "g",
            "config.storage.topic": "c",
            "offset.storage.topic": "o",
            "status.storage.topic": "s",
        },
        distributed=True,
    )
    found = RestSettings.of(worker.rest)
    assert found == RestSettings(
        listeners=("https://:8443",),
        certificate=Path("/cert.pem"),
        key=Path("/key.pem"),
        key_password=Secret("p"),
        ca=Path("/ca.pem"),
        client_auth=ClientAuth.REQUESTED,
        token=Secret("t"),
        user="ann",
        password=Secret("b:c"),
        advertised_host="worker-1",
        advertised_port=443,
        advertised_scheme="https",
    )


def test_secrets_are_not_shown():
    shown = repr(RestSettings(token=Secret("tell-no-one"), user="ann", password=Secret("nor-this")))
    assert "tell-no-one" not in shown
    assert "nor-this" not in shown
