"""What a shell has to know of a running server, as `export` lines for `eval`."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

from cdc.testing.servers import postgres
from cdc.testing.servers.base import Address
from cdc.testing.servers.mysql_programs import MYSQL


def exports(address: Address) -> str:
    """Return the lines that tell a shell where the server listens.

    For PostgreSQL libpq's variables, for MySQL those of its clients, and the clients in PATH; for others KAFKA or MARIADB.
    """
    match address.name:
        case "postgres":
            variables = {"PGHOST": address.host, "PGPORT": str(address.port), "PGUSER": address.user}
            return _lines(variables, Path(postgres.program("psql")).parent)
        case "mysql":
            variables = {"MYSQL": address.url, "MYSQL_HOST": address.host, "MYSQL_TCP_PORT": str(address.port)}
            # The clients of a container are in it.
            return _lines(variables, None if address.container else Path(MYSQL.program("mysql")).parent)
        case other:
            return _lines({other.upper(): address.url}, None)


def _lines(variables: dict[str, str], programs: Path | None) -> str:
    lines = [f"export {name}={quote(value)}" for name, value in variables.items()]
    path = [f'export PATH={quote(str(programs))}:"$PATH"'] if programs else []
    return "\n".join([*lines, *path])
