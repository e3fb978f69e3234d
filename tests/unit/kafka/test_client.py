import asyncio
import logging
import struct
from contextlib import suppress
from dataclasses import replace

import pytest

from cdc.config.secret import Secret
from cdc.config.settings import KafkaSettings, SecuritySettings
from cdc.errors import ConfigError, KafkaRefused
from cdc.kafka.client import client_arguments, probe, quieten

SETTINGS = KafkaSettings(transactional_id="cdcstream-shop", client_id="shop", bootstrap_servers=("a:1", "b:2"))


@pytest.fixture
def aiokafka_logger():
    logger = logging.getLogger("aiokafka")
    before = logger.level
    yield logger
    logger.setLevel(before)


async def test_without_security():
    assert await client_arguments(replace(SETTINGS, request_timeout=1.5)) == {
        "bootstrap_servers": ["a:1", "b:2"],
        "client_id": "shop",
        "request_timeout_ms": 1500,
        "metadata_max_age_ms": 300_000,
        "security_protocol": "PLAINTEXT",
    }


async def test_a_login_is_passed_on_and_not_shown():
    security = SecuritySettings(
        protocol="SASL_PLAINTEXT", mechanism="SCRAM-SHA-512", username="u", password=Secret("geheim")
    )
    settings = replace(SETTINGS, security=security)
    arguments = await client_arguments(settings)
    assert arguments["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (arguments["sasl_plain_username"], arguments["sasl_plain_password"]) == ("u", "geheim")
    assert "ssl_context" not in arguments
    assert "geheim" not in repr(settings)


async def test_tls_checks_certificate_and_name_unless_told_otherwise():
    security = SecuritySettings(protocol="SSL")
    context = (await client_arguments(replace(SETTINGS, security=security)))["ssl_context"]
    assert context.check_hostname
    careless = (await client_arguments(replace(SETTINGS, security=replace(security, check_hostname=False))))[
        "ssl_context"
    ]
    assert not careless.check_hostname
    assert careless.verify_mode.name == context.verify_mode.name == "CERT_REQUIRED"


@pytest.mark.parametrize(
    "wrong",
    [{"ca": "no certificate"}, {"certificate": "none", "key": Secret("geheim")}, {"certificate_file": "/nowhere.pem"}],
)
async def test_unusable_certificates_are_a_configuration_error(wrong):
    with pytest.raises(ConfigError, match="certificates for Kafka") as caught:
        await client_arguments(replace(SETTINGS, security=SecuritySettings(protocol="SSL", **wrong)))
    assert "geheim" not in caught.value.sentence()
    assert "PEM" in caught.value.remedy


def test_aiokafka_is_silent_unless_somebody_wants_to_hear_it(aiokafka_logger):
    aiokafka_logger.setLevel(logging.NOTSET)
    quieten()
    assert not logging.getLogger("aiokafka.producer.sender").isEnabledFor(logging.ERROR)
    aiokafka_logger.setLevel(logging.WARNING)
    quieten()
    assert logging.getLogger("aiokafka.conn").isEnabledFor(logging.ERROR)


async def test_a_broker_without_transactions_is_named():
    left = asyncio.Event()

    async def answer(reader, writer):
        """Tell versions as a broker does that knows Produce, Fetch and Metadata alone."""
        (size,) = struct.unpack(">i", await reader.readexactly(4))
        _key, version, correlation = struct.unpack_from(">hhi", await reader.readexactly(size))
        versions = b"".join(struct.pack(">hhh", key, 0, 0) for key in (0, 1, 3))
        body = struct.pack(">ihi", correlation, 0, 3) + versions + (bytes(4) if version else b"")
        writer.write(struct.pack(">i", len(body)) + body)
        with suppress(OSError):
            await reader.read()
        writer.transport.abort()
        left.set()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        settings = replace(SETTINGS, bootstrap_servers=(address,))
        with pytest.raises(KafkaRefused, match=f"broker at {address} has no transactions"):
            await probe(settings, await client_arguments(settings))
        await left.wait()
