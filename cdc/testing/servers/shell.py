"""What a shell has to know of a running server, as `export` lines for `eval`."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

from cdc.testing.servers import postgres
from cdc.testing.servers.base import Address


def exports(address: Address) -> str:
    """Return the lines that tell a shell where the server listens: libpq's variables and `psql` in PATH, or KAFKA."""
    if address.name != "postgres":
        return f"export {address.name.upper()}={quote(address.url)}"
    programs = Path(postgres.program("psql")).parent
    return "\n".join(
        [
            f"export PGHOST={quote(address.host)}",
            f"export PGPORT={address.port}",
            f"export PGUSER={quote(address.user)}",
            f'export PATH={quote(str(programs))}:"$PATH"',
        ]
    )
