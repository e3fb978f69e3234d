"""From settings to a connection: arguments for aiokafka, TLS, and what stands in the way of connecting, in plain words."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from aiokafka import errors
from aiokafka.conn import AIOKafkaConnection, collect_hosts, create_conn
from aiokafka.protocol.metadata import MetadataRequest

from cdc.config.settings import KafkaSettings, SecuritySettings
from cdc.errors import ConfigError, KafkaRefused, KafkaUnavailable, SinkError

# Kafka's own socket.connection.setup.timeout.ms.
CONNECT_SECONDS: Final = 10.0
INIT_PRODUCER_ID: Final = 22


async def client_arguments(settings: KafkaSettings) -> dict[str, Any]:
    """Return the arguments that every aiokafka client takes; they hold the password, so they are not for a log.

    Raises:
        ConfigError: a certificate or key cannot be read.
    """
    quieten()
    security = settings.security
    arguments: dict[str, Any] = {
        "bootstrap_servers": list(settings.bootstrap_servers),
        "client_id": settings.client_id,
        "request_timeout_ms": round(settings.request_timeout * 1000),
        "metadata_max_age_ms": round(settings.metadata_max_age * 1000),
        "security_protocol": security.protocol,
    }
    if "SSL" in security.protocol:
        arguments["ssl_context"] = await asyncio.to_thread(ssl_context, security)
    if security.mechanism:
        arguments["sasl_mechanism"] = security.mechanism
        arguments["sasl_plain_username"] = security.username
        arguments["sasl_plain_password"] = security.password.reveal()
    return arguments


def quieten() -> None:
    """Silence aiokafka's loggers, unless somebody has set their level.

    It logs an error a try while a broker is gone, and at level DEBUG whole requests, passwords included. What matters arrives
    here as an exception, and is logged once by whoever handles it.
    """
    logger = logging.getLogger("aiokafka")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.CRITICAL)


def ssl_context(security: SecuritySettings) -> ssl.SSLContext:
    """Return the TLS settings of a client; reads files, so not for the event loop.

    Raises:
        ConfigError: a certificate or key cannot be read.
    """
    try:
        context = ssl.create_default_context(cafile=security.ca_file or None, cadata=security.ca or None)
        context.check_hostname = security.check_hostname
        _load_certificate(context, security)
    except (OSError, ValueError) as error:
        files = (
            ", ".join(filter(None, (security.ca_file, security.certificate_file, security.key_file))) or "given as text"
        )
        remedy = "Check that the files exist, are PEM, belong together, and that ssl.key.password is right."
        raise ConfigError(f"The certificates for Kafka ({files}) cannot be used: {error}", remedy) from error
    return context


def _load_certificate(context: ssl.SSLContext, security: SecuritySettings) -> None:
    with _as_file(security.certificate) as chain, _as_file(security.key.reveal()) as key:
        certificate = security.certificate_file or chain
        if certificate:
            context.load_cert_chain(certificate, security.key_file or key or None, security.key_password.reveal)


@contextmanager
def _as_file(text: str) -> Iterator[str]:
    """Lend a file with the text, readable to this user alone: OpenSSL takes certificates from files only."""
    if not text:
        yield ""
        return
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(text)
        file.flush()
        yield file.name


async def probe(settings: KafkaSettings, arguments: dict[str, Any]) -> None:
    """Connect to one of the bootstrap servers and leave again.

    aiokafka says no more than "unable to bootstrap"; this says why.

    Raises:
        KafkaUnavailable: none of them answers.
        KafkaRefused: one answers, but not to us: wrong password, certificate or protocol; or it is too old for transactions.
    """
    failures = []
    for host, port, _ in collect_hosts(arguments["bootstrap_servers"]):
        failure = await _try(settings, arguments, host, port)
        if failure is None:
            return
        failures.append(failure)
    refusals = [failure for failure in failures if isinstance(failure, KafkaRefused)]
    raise (refusals or failures)[0]


async def _try(settings: KafkaSettings, arguments: dict[str, Any], host: str, port: int) -> SinkError | None:
    skipped = {"bootstrap_servers", "metadata_max_age_ms"}
    connection = None
    try:
        async with asyncio.timeout(min(CONNECT_SECONDS, settings.request_timeout)):
            connection = await create_conn(host, port, **{k: v for k, v in arguments.items() if k not in skipped})
            if INIT_PRODUCER_ID not in connection._versions:
                return _too_old(f"{host}:{port}")
            # A broker that waits for a login tells its versions to everybody, and hangs up at the next request.
            await connection.send(MetadataRequest([]))
            return None
    except (OSError, errors.KafkaError) as error:
        failure = _cannot_connect(error, settings, f"{host}:{port}")
        failure.__cause__ = error
        return failure
    finally:
        if connection is not None:
            abort(connection)


def abort(connection: AIOKafkaConnection) -> None:
    """Close a connection at once: an orderly end of TLS, or of a full buffer, would wait for a broker that may be gone."""
    if connection._writer is not None:
        connection._writer.transport.abort()
    connection.close()


def _too_old(server: str) -> KafkaRefused:
    fact = f"The broker at {server} has no transactions"
    remedy = "cdc-stream delivers exactly once by transactions, which Kafka has since 0.11; use a newer broker."
    return KafkaRefused(fact, remedy)


def _cannot_connect(error: Exception, settings: KafkaSettings, server: str) -> SinkError:
    return (
        _login_refused(error, settings.security, server) or _tls_refused(error, server) or _unreachable(error, server)
    )


def _login_refused(error: Exception, security: SecuritySettings, server: str) -> KafkaRefused | None:
    if isinstance(error, errors.SaslAuthenticationFailed | errors.AuthenticationFailedError):
        fact = f"Kafka at {server} refuses the login of user {security.username!r} by {security.mechanism}: {_words(error)}"
        return KafkaRefused(fact, "Check sasl.mechanism, sasl.username and sasl.password (or sasl.jaas.config).")
    if isinstance(error, errors.UnsupportedSaslMechanismError | errors.IllegalSaslStateError):
        fact = f"Kafka at {server} does not take logins by {security.mechanism}: {_words(error)}"
        return KafkaRefused(
            fact, "Set sasl.mechanism to one that the broker enables, and security.protocol to its listener's."
        )
    return None


def _tls_refused(error: Exception, server: str) -> KafkaRefused | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        fact = f"The certificate of the broker at {server} is not trusted: {error.verify_message}"
        return KafkaRefused(fact, "Set ssl.truststore.location to the certificate of the authority that signed it.")
    if isinstance(error, ssl.SSLError):
        fact = f"The broker at {server} does not agree to TLS: {error.reason or error}"
        return KafkaRefused(
            fact, "Check that security.protocol is that of the broker's listener, and the client's certificate."
        )
    return None


def _unreachable(error: Exception, server: str) -> KafkaUnavailable:
    if isinstance(error, TimeoutError):
        return KafkaUnavailable(f"Kafka at {server} does not answer", _CHECK)
    if isinstance(error, OSError) and error.errno:
        return KafkaUnavailable(f"Kafka cannot be reached at {server}: {_reason(error)}", _CHECK)
    return KafkaUnavailable(f"Kafka at {server} closed the connection as it began", _CHECK)


_CHECK: Final = "Check bootstrap.servers, security.protocol, and that the broker runs."


def _words(error: Exception) -> str:
    """Return what the broker said, or the name of the error."""
    return " ".join(argument for argument in error.args if isinstance(argument, str)) or type(error).__name__


def _reason(error: OSError) -> str:
    """Return the system's words without the address that asyncio adds."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error.strerror)
