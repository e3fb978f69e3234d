"""Where the REST API listens, and who may use it."""

from __future__ import annotations

import enum
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from cdc.config import worker_rest
from cdc.config.secret import Secret
from cdc.config.worker_rest import Listener
from cdc.errors import ConfigError


class ClientAuth(enum.StrEnum):
    """Whether clients show a certificate over TLS, in the words of Connect's `ssl.client.auth`."""

    NONE = "none"
    REQUESTED = "requested"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class RestSettings:
    """What the REST server needs to know; `check` says whether it can be used.

    `listeners` are `http://host:port` or `https://host:port`; no host means all interfaces, port 0 any free port. `certificate` and `key`
    are PEM files for https (no `key` where the certificate's file holds it), and `ca` the authorities that sign the certificates of clients
    and of other workers. When `token` or `user` is set, every request but those for `/health` carries one of the two. `max_body` is in
    bytes, after decompression. `advertised_…` is what others are told: "" and 0 stand for the first listener, an http one if there is any.
    """

    listeners: tuple[str, ...] = ("http://127.0.0.1:8083",)
    certificate: Path | None = None
    key: Path | None = None
    key_password: Secret = field(default_factory=Secret)
    ca: Path | None = None
    client_auth: ClientAuth = ClientAuth.NONE
    token: Secret = field(default_factory=Secret)
    user: str = ""
    password: Secret = field(default_factory=Secret)
    max_body: int = 1 << 20
    advertised_host: str = ""
    advertised_port: int = 0
    advertised_scheme: str = ""

    @classmethod
    def of(cls, found: worker_rest.RestSettings) -> RestSettings:
        """Return what a worker's configuration says."""
        user, _, password = found.basic_auth.reveal().partition(":")
        return cls(
            listeners=tuple(map(str, found.listeners)),
            certificate=_path(found.certificate_file),
            key=_path(found.key_file),
            key_password=found.key_password,
            ca=_path(found.ca_file),
            client_auth=ClientAuth(found.client_auth),
            token=found.token,
            user=user,
            password=Secret(password),
            advertised_host=found.advertised_host,
            advertised_port=found.advertised_port,
            advertised_scheme=found.advertised_scheme,
        )

    @property
    def demands_credentials(self) -> bool:
        """Whether requests have to carry a token or a user's password."""
        return bool(self.token or self.user)


def _path(text: str) -> Path | None:
    return Path(text) if text else None


def check(settings: RestSettings) -> tuple[Listener, ...]:
    """Return the listeners of settings that can be used.

    Raises:
        ConfigError: there is no listener, or one is malformed; https has no certificate; credentials are incomplete; or a listener can
            be reached from other machines and has neither TLS nor credentials.
    """
    listeners = tuple(map(Listener.parse, settings.listeners))
    if not listeners:
        raise ConfigError("there are no listeners", "Set listeners, as in http://127.0.0.1:8083.")
    if settings.max_body < 1:
        raise ConfigError(f"request bodies may have {settings.max_body} bytes", "Allow at least one, as in 1048576.")
    _check_credentials(settings)
    _check_tls(settings, listeners)
    for listener in listeners:
        _check_exposure(settings, listener)
    return listeners


def _check_credentials(settings: RestSettings) -> None:
    if bool(settings.user) != bool(settings.password):
        given, missing = ("user", "password") if settings.user else ("password", "user")
        raise ConfigError(f"the REST API has a {given} without a {missing}", "Give both, or neither.")
    if ":" in settings.user:
        raise ConfigError(
            f"the user {settings.user!r} has a colon", "Basic authentication allows none: rename the user."
        )


def _check_tls(settings: RestSettings, listeners: tuple[Listener, ...]) -> None:
    secure = next((listener for listener in listeners if listener.scheme == "https"), None)
    if secure and not settings.certificate:
        raise ConfigError(
            f"the listener {secure} has no certificate", "Give the PEM files of a certificate and its key."
        )
    if settings.client_auth != ClientAuth.NONE and not settings.ca:
        raise ConfigError(
            f"client certificates are {settings.client_auth}, but no authority is known",
            "Give the PEM file of the authorities that sign them.",
        )


def _check_exposure(settings: RestSettings, listener: Listener) -> None:
    if listener.is_loopback or listener.scheme == "https" or settings.demands_credentials:
        return
    raise ConfigError(
        f"the listener {listener} lets everyone who reaches this machine run connectors",
        "Listen on http://127.0.0.1:8083, use https with a certificate and its key, or set a token or a user and password.",
    )


def advertised(listeners: tuple[Listener, ...], scheme: str) -> Listener:
    """Return the listener that others are told: the first one with the scheme, of http if that is "", or the first one of all."""
    return next((each for each in listeners if each.scheme == (scheme or "http")), listeners[0])


def tls_context(settings: RestSettings) -> ssl.SSLContext:
    """Return what https listeners use; reads the files, so it blocks. Raises ConfigError when they cannot be used."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _load(context, settings)
    context.verify_mode = {
        ClientAuth.NONE: ssl.CERT_NONE,
        ClientAuth.REQUESTED: ssl.CERT_OPTIONAL,
        ClientAuth.REQUIRED: ssl.CERT_REQUIRED,
    }[settings.client_auth]
    return context


def client_context(settings: RestSettings) -> ssl.SSLContext:
    """Return what requests to other workers use: the same certificate and authorities, those of the system if none are set.

    Blocks and raises as `tls_context`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if settings.ca else ssl.create_default_context()
    _load(context, settings)
    return context


def _load(context: ssl.SSLContext, settings: RestSettings) -> None:
    try:
        if settings.certificate:
            # Without a password to give, openssl would ask for one on the terminal.
            context.load_cert_chain(settings.certificate, settings.key, password=settings.key_password.reveal)
        if settings.ca:
            context.load_verify_locations(settings.ca)
    except (OSError, ValueError) as error:
        files = ", ".join(str(path) for path in (settings.certificate, settings.key, settings.ca) if path)
        raise ConfigError(
            f"TLS cannot use {files}: {error}",
            "Give readable PEM files: a certificate and its key, and the key's password if it has one.",
        ) from error
