"""Logins, TLS and access control lists, on brokers that ask for them."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from cdc.config.secret import Secret
from cdc.config.settings import SecuritySettings
from cdc.errors import ConfigError, KafkaRefused, KafkaUnavailable
from cdc.kafka.consumer import read_topics
from cdc.kafka.publisher import TransactionalPublisher
from cdc.testing.servers import KafkaServer
from cdc.testing.servers.certificates import issue, make_authority
from cdc.testing.servers.kafka_security import Security
from tests.support.publishing import SHOP, kafka_settings, publishing, records

PASSWORD = "correct-horse"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    make_authority(folder)
    return folder


@pytest.fixture(scope="module")
def sasl():
    """A broker with logins and access control lists."""
    users = {"alice": PASSWORD, "bob": PASSWORD}
    with KafkaServer(security=Security(protocol="SASL_PLAINTEXT", users=users, authorizer=True)) as server:
        admin = AdminClient({"bootstrap.servers": server.inner})
        for kind in (ResourceType.TOPIC, ResourceType.TRANSACTIONAL_ID):
            allow(admin, "alice", kind, "*", AclOperation.ALL)
        yield server


@pytest.fixture(scope="module")
def tls(folder):
    """A broker that demands a certificate of its clients, and a login."""
    certificates = issue(folder, "broker")
    security = Security(protocol="SASL_SSL", users={"alice": PASSWORD}, certificates=certificates, demand_client=True)
    with KafkaServer(security=security) as server:
        yield server


def allow(admin, user, kind, name, operation):
    binding = AclBinding(
        kind, name, ResourcePatternType.LITERAL, f"User:{user}", "*", operation, AclPermissionType.ALLOW
    )
    admin.create_acls([binding])[binding].result(10)


def login(user="alice", password=PASSWORD, mechanism="PLAIN", **more):
    return SecuritySettings(
        protocol="SASL_PLAINTEXT", mechanism=mechanism, username=user, password=Secret(password), **more
    )


async def publish(settings, topic):
    async with publishing(settings) as publisher:
        await publisher.begin()
        await publisher.send(records(topic, (b"k", b"v")))
        await publisher.commit(SHOP, {"lsn": 1})
    return [record.value async for record in read_topics(settings, [topic])]


async def refusal(settings):
    publisher = TransactionalPublisher(settings, "shop")
    with pytest.raises(KafkaRefused) as caught:
        await publisher.start()
    await publisher.close()
    assert PASSWORD not in caught.value.sentence()
    return caught.value.sentence()


def pass_to(port):
    """Return a server's handler that passes every connection on to a port of this machine."""

    async def link(reader, writer):
        answers, server = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pipe(reader, server), pipe(answers, writer))

    async def pipe(source, target):
        with suppress(OSError):
            while chunk := await source.read(65536):
                target.write(chunk)
        target.transport.abort()

    return link


async def hung_up(settings):
    """See that a broker that hangs up on us is reported with the property that it may be due to."""
    publisher = TransactionalPublisher(settings, "shop")
    with pytest.raises(KafkaUnavailable, match="closed the connection as it began") as caught:
        await publisher.start()
    await publisher.close()
    assert "security.protocol" in caught.value.remedy


class TestLogin:
    @pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
    async def test_every_mechanism(self, sasl, topic_prefix, mechanism, caplog):
        caplog.set_level(logging.DEBUG)
        settings = kafka_settings(sasl.address.url, topic_prefix, security=login(mechanism=mechanism))
        assert await publish(settings, f"{topic_prefix}.t") == [b"v"]
        assert PASSWORD not in caplog.text
        assert PASSWORD not in repr(settings)

    @pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
    async def test_a_wrong_password(self, sasl, topic_prefix, mechanism):
        security = login(password="wrong-horse", mechanism=mechanism)
        sentence = await refusal(kafka_settings(sasl.address.url, topic_prefix, security=security))
        assert f"refuses the login of user 'alice' by {mechanism}" in sentence
        assert "wrong-horse" not in sentence
        assert "sasl.password" in sentence

    async def test_no_login_where_one_is_asked_for(self, sasl, topic_prefix):
        await hung_up(kafka_settings(sasl.address.url, topic_prefix))


class TestRights:
    @pytest.fixture
    def admin(self, sasl):
        return AdminClient({"bootstrap.servers": sasl.inner})

    @pytest.fixture
    def settings(self, sasl, topic_prefix):
        return kafka_settings(sasl.address.url, topic_prefix, security=login("bob"))

    async def grant(self, admin, settings, *topics):
        allow(admin, "bob", ResourceType.TRANSACTIONAL_ID, settings.transactional_id, AclOperation.ALL)
        for topic in topics:
            allow(admin, "bob", ResourceType.TOPIC, topic, AclOperation.ALL)
        await asyncio.sleep(0.5)

    async def test_the_transactional_id(self, settings):
        sentence = await refusal(settings)
        assert sentence.startswith(f"Kafka does not allow the transactional id {settings.transactional_id}.")
        assert "WRITE and DESCRIBE" in sentence

    async def test_the_offset_topic(self, settings, admin):
        await self.grant(admin, settings)
        sentence = await refusal(settings)
        assert settings.offset_topic in sentence
        assert "ACL" in sentence

    async def test_a_table_topic(self, settings, admin, topic_prefix):
        topic = f"{topic_prefix}.t"
        await self.grant(admin, settings, settings.offset_topic)
        async with publishing(settings) as publisher:
            await publisher.begin()
            with pytest.raises(KafkaRefused, match=f"writing to topic {topic}") as caught:
                await publisher.send(records(topic, (b"k", b"v")))
        assert "WRITE, DESCRIBE and CREATE" in caught.value.remedy

    async def test_a_topic_that_may_be_seen_and_not_written(self, settings, admin, topic_prefix, sasl):
        topic = f"{topic_prefix}.t"
        await publish(replace(settings, transactional_id="alices", security=login()), topic)
        await self.grant(admin, settings, settings.offset_topic)
        allow(admin, "bob", ResourceType.TOPIC, topic, AclOperation.DESCRIBE)
        await asyncio.sleep(0.5)
        async with publishing(settings) as publisher:
            await publisher.begin()
            await publisher.send(records(topic, (b"k", b"v")))
            with pytest.raises(KafkaRefused, match=f"writing to topic {topic}"):
                await publisher.commit(SHOP, {"lsn": 1})

    async def test_reading(self, settings, admin, topic_prefix):
        topic = f"{topic_prefix}.t"
        await publish(replace(settings, transactional_id="alices", security=login()), topic)
        allow(admin, "bob", ResourceType.TOPIC, topic, AclOperation.DESCRIBE)
        await asyncio.sleep(0.5)
        with pytest.raises(KafkaRefused, match=f"does not allow reading topic {topic}"):
            assert [record async for record in read_topics(settings, [topic], patience=5)]


class TestTls:
    @pytest.fixture
    def security(self, folder):
        files = issue(folder, "client")
        return login(ca_file=str(files.authority), certificate_file=str(files.certificate), key_file=str(files.key))

    @pytest.fixture
    def settings(self, tls, topic_prefix, security):
        return kafka_settings(tls.address.url, topic_prefix, security=replace(security, protocol="SASL_SSL"))

    async def test_certificates_from_files(self, settings, topic_prefix):
        assert await publish(settings, f"{topic_prefix}.t") == [b"v"]

    async def test_certificates_as_text(self, settings, topic_prefix, folder):
        texts = {name: (folder / file).read_text() for name, file in (("ca", "ca.crt"), ("certificate", "client.crt"))}
        key = Secret((folder / "client.key").read_text())
        security = replace(settings.security, ca_file="", certificate_file="", key_file="", key=key, **texts)
        assert await publish(replace(settings, security=security), f"{topic_prefix}.t") == [b"v"]

    async def test_certificate_and_key_in_one_file(self, settings, topic_prefix, folder):
        security = replace(settings.security, certificate_file=str(folder / "client.pem"), key_file="")
        assert await publish(replace(settings, security=security), f"{topic_prefix}.t") == [b"v"]

    async def test_a_broker_whose_authority_is_not_trusted(self, settings):
        sentence = await refusal(replace(settings, security=replace(settings.security, ca_file="")))
        assert "is not trusted" in sentence
        assert "ssl.truststore.location" in sentence

    async def test_a_broker_of_another_name(self, settings, tls, folder):
        """127.0.0.2 is not in its certificate."""
        async with await asyncio.start_server(pass_to(tls.port), "127.0.0.2", 0) as server:
            port = server.sockets[0].getsockname()[1]
            elsewhere = replace(settings, bootstrap_servers=(f"127.0.0.2:{port}",))
            assert "is not trusted: IP address mismatch" in await refusal(elsewhere)
            careless = replace(elsewhere.security, check_hostname=False)
            async with publishing(replace(elsewhere, security=careless)):
                pass

    async def test_no_client_certificate(self, settings):
        security = replace(settings.security, certificate_file="", key_file="")
        publisher = TransactionalPublisher(replace(settings, security=security), "shop")
        with pytest.raises((KafkaRefused, KafkaUnavailable)) as caught:
            await publisher.start()
        await publisher.close()
        assert "security.protocol" in caught.value.remedy

    async def test_tls_where_the_broker_speaks_none(self, settings, tls):
        await hung_up(replace(settings, bootstrap_servers=(tls.inner,)))

    async def test_no_tls_where_the_broker_speaks_nothing_else(self, settings):
        await hung_up(replace(settings, security=SecuritySettings()))

    async def test_a_file_that_is_not_there(self, settings):
        security = replace(settings.security, ca_file="/nowhere/ca.pem")
        publisher = TransactionalPublisher(replace(settings, security=security), "shop")
        with pytest.raises(ConfigError, match=r"/nowhere/ca\.pem.*No such file"):
            await publisher.start()
        await publisher.close()
