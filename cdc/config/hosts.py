"""Lists of hosts, as libpq takes them: several, of which one is the server to use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cdc.config.validators import only
from cdc.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Host:
    """A name or address, and a port."""

    name: str
    port: int

    def __str__(self) -> str:
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"


def parse_hosts(text: str, port: int) -> tuple[Host, ...]:
    """Return the hosts of `db1,db2:5433,[::1]:5434`, in order; `port` is for those that name none.

    An IPv6 address may stand without brackets if no port follows it.

    Raises:
        ConfigError: a host has no name, or a port that is none.
    """
    return tuple(_host(part.strip(), port) for part in text.split(","))


def join_hosts(names: str, ports: str) -> str:
    """Return the list for two lists of libpq's: names, and as many ports or one for all.

    Raises:
        ConfigError: the two do not fit together, or a port is none.
    """
    hosts = names.split(",")
    numbers = ports.split(",") if "," in ports else [ports] * len(hosts)
    try:
        return ",".join(str(Host(name, int(port or 5432))) for name, port in zip(hosts, numbers, strict=True))
    except ValueError as error:
        fact = f"the hosts {names} and the ports {ports} do not fit together"
        raise ConfigError(fact, "Give one port for all hosts, or as many ports as hosts.") from error


def _host(text: str, default: int) -> Host:
    name, colon, port = text.rpartition(":")
    if not colon or text.endswith("]") or (":" in name and not name.endswith("]")):
        name, port = text, str(default)
    name = name.removeprefix("[").removesuffix("]")
    if not name or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ConfigError(f"{text!r} is not a host", "Give a name or an address, and :port if it is another one.")
    return Host(name, int(port))


def _fault(text: str) -> str:
    try:
        parse_hosts(text, 5432)
    except ConfigError:
        return "has a part that is no host"
    return "" if text.isprintable() else "has control characters"


HOSTS: Final = only(_fault, "a host, or several separated by commas, each with :port where it has another one")
