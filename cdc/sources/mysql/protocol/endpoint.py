"""Where a server is, and how to log in to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from cdc.config.mysql_settings import TlsMode
from cdc.config.secret import Secret

#: Under this name a connection shows up among the server's, and a connector among its replicas.
PROGRAM: Final = "cdc-stream"


class Compression(StrEnum):
    """How the packets of a connection are compressed."""

    NONE = ""
    ZLIB = "zlib"
    ZSTD = "zstd"


@dataclass(frozen=True, slots=True)
class Tls:
    """How a connection is encrypted. Files are PEM; without `authority` the system's authorities are trusted."""

    mode: TlsMode = TlsMode.PREFERRED
    authority: str = ""
    certificate: str = ""
    key: str = ""
    key_password: Secret = field(default_factory=Secret)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One server and one user. Times are seconds; `keepalive` 0 leaves TCP's keepalive off, `read_timeout` 0 waits for ever."""

    host: str
    port: int = 3306
    user: str = ""
    password: Secret = field(default_factory=Secret)
    database: str = ""
    tls: Tls = field(default_factory=Tls)
    compression: Compression = Compression.NONE
    connect_timeout: float = 30.0
    read_timeout: float = 0.0
    keepalive: int = 60
    program: str = PROGRAM

    def __str__(self) -> str:
        return f"MySQL at {self.host}:{self.port} (user {self.user})"
