"""What a listener asks of clients, as the broker's properties."""

from __future__ import annotations

from pathlib import Path

from cdc.testing.servers.certificates import Certificates
from cdc.testing.servers.kafka_security import Security

FILES = Certificates("server", Path("/c/ca.crt"), Path("/c/server.crt"), Path("/c/server.key"), Path("/c/server.pem"))


def test_nothing_is_asked_by_default():
    assert Security().properties("CLIENT") == {}
    assert Security().format_options() == []


def test_users_may_take_any_mechanism():
    security = Security(protocol="SASL_PLAINTEXT", users={"alice": "secret"})
    properties = security.properties("CLIENT")
    assert properties["sasl.enabled.mechanisms"] == "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"
    assert 'user_alice="secret"' in properties["listener.name.client.plain.sasl.jaas.config"]
    assert "SCRAM-SHA-512=[name=alice,password=secret]" in security.format_options()


def test_passwords_are_not_shown():
    assert "secret" not in repr(Security(users={"alice": "secret"}))


def test_certificates_of_clients_are_demanded_on_request():
    for demand, word in ((False, "none"), (True, "required")):
        security = Security(protocol="SSL", certificates=FILES, demand_client=demand)
        assert security.properties("CLIENT")["listener.name.client.ssl.client.auth"] == word


def test_only_the_inner_listener_is_above_the_authorizer():
    assert Security(authorizer=True).properties("CLIENT")["super.users"] == "User:ANONYMOUS"
