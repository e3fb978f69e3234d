"""The TLS of a connection to MySQL, in Debezium's modes."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from cdc.config.mysql_settings import TlsMode
from cdc.errors import ConfigError
from cdc.sources.mysql.protocol.endpoint import Tls

VERIFYING = (TlsMode.VERIFY_CA, TlsMode.VERIFY_IDENTITY)


def context(tls: Tls) -> ssl.SSLContext:
    """Return what encrypts as the settings say; raises ConfigError for a file that cannot be used.

    `verify_ca` asks for a certificate of a trusted authority, `verify_identity` also for the host's name in it.
    """
    result = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    result.minimum_version = ssl.TLSVersion.TLSv1_2
    result.check_hostname = tls.mode is TlsMode.VERIFY_IDENTITY
    result.verify_mode = ssl.CERT_REQUIRED if tls.mode in VERIFYING else ssl.CERT_NONE
    if tls.authority:
        _load(tls.authority, lambda: result.load_verify_locations(tls.authority))
    elif tls.mode in VERIFYING:  # reading the system's authorities takes longer than the rest of the handshake
        result.load_default_certs()
    if tls.certificate:
        key, password = tls.key or None, tls.key_password.reveal()
        _load(tls.certificate, lambda: result.load_cert_chain(tls.certificate, key, password))
    return result


def _load(path: str, action: Callable[[], object]) -> None:
    try:
        action()
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise ConfigError(
            f"the certificate or key of '{path}' cannot be used ({error})",
            "Give PEM files that this user may read, and the key's password if it has one.",
        ) from error
