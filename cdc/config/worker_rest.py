"""The REST API of a worker: its properties, and the settings that they make."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from cdc.config.definition import Config
from cdc.config.property import (
    Importance,
    Problem,
    Property,
    Type,
    Validator,
    in_group,
    planned,
    without_effect,
)
from cdc.config.secret import MASK, Secret
from cdc.config.validators import PRINTABLE, between
from cdc.config.worker_clients import SECURITY
from cdc.errors import ConfigError

LOW: Final = Importance.LOW

_HTTPS: Final = "listeners.https."
_LISTENER: Final = re.compile(r"(https?)://(\[[0-9A-Fa-f:.%]+\]|[^\s:/?#@\[\]]*):([0-9]{1,5})/?", re.IGNORECASE)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine to itself. A name other than localhost is taken for one that others can reach."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


@dataclass(frozen=True, slots=True)
class Listener:
    """An address of the REST API; an empty host is every address of the machine, and port 0 any free port."""

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Listener:
        """Return the address that `http://host:port` or `https://host:port` stands for; raises ConfigError."""
        found = _LISTENER.fullmatch(text.strip())
        if found is None or int(found[3]) > 65535:
            shown = re.sub("//.*@", f"//{MASK}@", text)
            raise ConfigError(
                f"the listener {shown!r} is not of the form http://host:port",
                "Write http://127.0.0.1:8083 or https://host:8443.",
            )
        return cls(found[1].lower(), found[2].strip("[]").lower(), int(found[3]))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def _listeners_fault(listeners: tuple[str, ...]) -> str:
    for each in listeners:
        try:
            Listener.parse(each)
        except ConfigError:
            return f"holds {each!r}, which is not http://host:port or https://host:port"
    return "" if listeners else "is empty"


def _basic_fault(login: Secret) -> str:
    user, colon, password = login.reveal().partition(":")
    return "" if not login or (user and colon and password) else "is not user:password"


REST: Final = in_group(
    "REST",
    Property(
        "listeners",
        Type.LIST,
        "http://127.0.0.1:8083",
        "Addresses of the REST API: http://host:port or https://host:port, separated by commas. Port 0 is any free one.",
        validator=Validator("addresses like http://127.0.0.1:8083, separated by commas", _listeners_fault),
        debezium_default="http://:8083",
        why="Whoever reaches the API can read every database that its connectors can.",
    ),
    Property(
        "rest.advertised.host.name",
        Type.STRING,
        None,
        "Host by which the worker is known, and reached by others of its cluster: the first part of worker_id in every state.",
        LOW,
        validator=PRINTABLE,
    ),
    Property(
        "rest.advertised.port",
        Type.INT,
        None,
        "Port by which it is known and reached: the second part of worker_id.",
        LOW,
        validator=between(1, 65535),
    ),
    Property(
        "rest.token",
        Type.PASSWORD,
        None,
        "What a request must give in the header Authorization: Bearer <token>; one for all workers of a cluster, which hand on requests with it.",
    ),
    Property(
        "rest.basic.auth",
        Type.PASSWORD,
        None,
        "User and password that a request may give instead, as user:password; one for all workers of a cluster.",
        validator=Validator("user:password", _basic_fault),
    ),
    planned("access.control.allow.origin", Type.STRING, "", "Origins of web pages that may use the API."),
    planned("access.control.allow.methods", Type.STRING, "", "Methods that those may use."),
    planned("response.http.headers.config", Type.STRING, "", "Headers that are added to every answer."),
    planned("admin.listeners", Type.LIST, None, "Addresses of the paths under /admin, if they are others."),
    without_effect(
        "rest.extension.classes",
        Type.LIST,
        "",
        "Java classes that extend the API.",
        "it names Java classes; rest.token and rest.basic.auth guard the API",
    ),
    *(
        without_effect(
            f"inter.worker.{name}",
            kind,
            default,
            "How Java workers sign their requests.",
            "workers authenticate to each other by the credentials of the REST API",
        )
        for name, kind, default in (
            ("key.generation.algorithm", Type.STRING, "HmacSHA256"),
            ("key.size", Type.INT, None),
            ("key.ttl.ms", Type.INT, "3600000"),
            ("signature.algorithm", Type.STRING, "HmacSHA256"),
            ("verification.algorithms", Type.LIST, "HmacSHA256"),
        )
    ),
)

TLS: Final = in_group(
    "REST security",
    Property(
        f"{_HTTPS}ssl.keystore.location",
        Type.STRING,
        None,
        "PEM file with the certificate of the API and, unless listeners.https.ssl.key.location is set, its key.",
        validator=SECURITY["ssl.keystore.location"].validator,
        also=(f"{_HTTPS}ssl.certificate.location",),
    ),
    Property(
        f"{_HTTPS}ssl.key.location",
        Type.STRING,
        None,
        "PEM file with that key.",
        validator=SECURITY["ssl.key.location"].validator,
    ),
    Property(f"{_HTTPS}ssl.key.password", Type.PASSWORD, None, "Password of that key."),
    Property(
        f"{_HTTPS}ssl.truststore.location",
        Type.STRING,
        None,
        "PEM file with the certificates that sign those of clients, and of other workers of the cluster.",
        validator=SECURITY["ssl.truststore.location"].validator,
        also=(f"{_HTTPS}ssl.ca.location",),
    ),
    Property(
        f"{_HTTPS}ssl.client.auth",
        Type.STRING,
        "none",
        "Whether clients must show a certificate.",
        choices=("none", "requested", "required"),
    ),
    *(
        replace(SECURITY[f"ssl.{store}.type"], name=f"{_HTTPS}ssl.{store}.type", also=(), doc="Form of that file.")
        for store in ("keystore", "truststore")
    ),
)


def guarded(config: Config) -> Iterator[Problem]:
    """Yield a problem for each address beyond this machine that neither TLS nor a login guards, and for TLS without a certificate."""
    login = config.is_set("rest.token") or config.is_set("rest.basic.auth")
    for listener in map(Listener.parse, config.list("listeners")):
        if listener.scheme == "http" and not login and not listener.is_loopback:
            yield Problem(
                "listeners",
                f"The REST API would listen at {listener}, open to everybody who can reach this machine",
                "Set rest.token or rest.basic.auth, or listen at https:// with listeners.https.ssl.keystore.location,"
                " or at http://127.0.0.1.",
            )
        if listener.scheme == "https" and not config.is_set(f"{_HTTPS}ssl.keystore.location"):
            fact = f"The REST API is to listen at {listener}, and has no certificate"
            yield Problem(
                "listeners", fact, f"Set {_HTTPS}ssl.keystore.location to a PEM file with certificate and key."
            )


def advertised(config: Config) -> Iterator[Problem]:
    """Yield a problem for a scheme that others are to use, and that neither a listener nor another address that is named answers to."""
    scheme = config.string("rest.advertised.listener")
    elsewhere = config.is_set("rest.advertised.host.name") and config.is_set("rest.advertised.port")
    if scheme and not elsewhere and scheme not in {Listener.parse(each).scheme for each in config.list("listeners")}:
        yield Problem(
            "rest.advertised.listener",
            f"rest.advertised.listener = {scheme!r}, and no listener is at {scheme}://",
            "Add one to listeners, or set rest.advertised.host.name and rest.advertised.port.",
        )


@dataclass(frozen=True, slots=True)
class RestSettings:
    """The REST API. Files are paths of PEM files, "" where there is none; `client_auth` is none, requested or required.

    A request must bring the token or the login, when there are any. `advertised_…` is what the worker is known by; "" and 0 stand for the
    address that is listened at: its first one, and of those with the scheme http if there are any.
    """

    listeners: tuple[Listener, ...]
    advertised_host: str = ""
    advertised_port: int = 0
    advertised_scheme: str = ""
    token: Secret = field(default_factory=Secret)
    basic_auth: Secret = field(default_factory=Secret)
    certificate_file: str = ""
    key_file: str = ""
    key_password: Secret = field(default_factory=Secret)
    ca_file: str = ""
    client_auth: str = "none"

    @classmethod
    def from_config(cls, config: Config) -> RestSettings:
        """Return the settings of a worker's configuration."""
        port = config["rest.advertised.port"]
        return cls(
            listeners=tuple(map(Listener.parse, config.list("listeners"))),
            advertised_host=config.string("rest.advertised.host.name").strip("[]"),
            advertised_port=port if isinstance(port, int) else 0,
            advertised_scheme=config.string("rest.advertised.listener"),
            token=config.password("rest.token"),
            basic_auth=config.password("rest.basic.auth"),
            certificate_file=config.string(f"{_HTTPS}ssl.keystore.location"),
            key_file=config.string(f"{_HTTPS}ssl.key.location"),
            key_password=config.password(f"{_HTTPS}ssl.key.password"),
            ca_file=config.string(f"{_HTTPS}ssl.truststore.location"),
            client_auth=config.string(f"{_HTTPS}ssl.client.auth"),
        )
