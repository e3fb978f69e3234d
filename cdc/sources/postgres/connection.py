"""Connections to PostgreSQL, and its refusals in words that say what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.rows import TupleRow

from cdc.config.settings import PostgresSettings
from cdc.errors import CdcError, SlotInUse, SourceRefused, SourceUnavailable
from cdc.sources.postgres.types import SESSION_SETTINGS

# A snapshot is one long transaction, and the session that exports it is idle meanwhile.
PATIENCE = {"statement_timeout": "0", "lock_timeout": "0", "idle_in_transaction_session_timeout": "0"}
# A blank inside a value is escaped, as libpq's manual says of `options`.
SESSION_OPTIONS = " ".join(
    f"-c {name}={value}".replace(", ", ",\\ ") for name, value in {**SESSION_SETTINGS, **PATIENCE}.items()
)

Connection = psycopg.AsyncConnection[TupleRow]

SLOT_REMEDY = "Stop the other reader, or give this one a slot.name of its own."

# What the server (or libpq) says → the class of error and the remedy. The first pattern that is found decides.
REFUSALS: tuple[tuple[str, type[CdcError], str], ...] = (
    (
        r"password authentication failed|no password supplied",
        SourceRefused,
        "Check database.user and database.password.",
    ),
    (r'role "[^"]*" does not exist', SourceRefused, "Check database.user, or create the role."),
    (r'database "[^"]*" does not exist', SourceRefused, "Check database.dbname."),
    (
        r"no pg_hba\.conf entry",
        SourceRefused,
        "Add a line to the server's pg_hba.conf for this user, database and address.",
    ),
    (
        r"superuser or replication role|permission denied to start WAL sender|must have REPLICATION|REPLICATION attribute",
        SourceRefused,
        "Give the user the right: ALTER ROLE … REPLICATION.",
    ),
    (
        r"number of requested standby connections|max_wal_senders",
        SourceRefused,
        "All WAL senders are taken: raise max_wal_senders, or stop a reader that is no longer needed.",
    ),
    (
        r"all replication slots are in use",
        SourceRefused,
        "Raise max_replication_slots, or drop a slot that is no longer needed (select pg_drop_replication_slot(…)).",
    ),
    (
        r"logical decoding requires .?wal_level",
        SourceRefused,
        "Set wal_level = logical in postgresql.conf and restart the server.",
    ),
    (
        r"is active for PID|is already active|replication slot .* is in use",
        SlotInUse,
        SLOT_REMEDY,
    ),
    (
        r"certificate verify failed|root certificate|server certificate|does not support SSL|SSL error|sslmode",
        SourceRefused,
        "Check database.sslmode and the other database.ssl… properties against the server's certificate.",
    ),
    (r"resolve host|translate host name|Name or service not known", SourceUnavailable, "Check database.hostname."),
    (r"Connection refused", SourceUnavailable, "Check database.hostname and database.port, and that the server runs."),
    (
        r"timeout|timed out",
        SourceUnavailable,
        "Check that the server can be reached from here (address, port, firewall).",
    ),
    (r"permission denied", SourceRefused, "Grant the user the right that is missing."),
)


async def connect(settings: PostgresSettings, *, replication: bool = False) -> Connection:
    """Open a connection in autocommit mode with the session settings that fix how values are printed.

    Raises:
        SourceUnavailable: the server cannot be reached.
        SourceRefused: it refuses the user, the database or the right to replicate.
    """
    arguments: dict[str, str | int] = {
        "host": settings.hostname,
        "port": settings.port,
        "user": settings.user,
        "dbname": settings.dbname,
        "sslmode": settings.sslmode,
        "connect_timeout": 15,
        # A server that vanished without a word is noticed within a minute.
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 60_000,
        "application_name": f"cdc-stream {settings.slot_name}",
        "options": SESSION_OPTIONS,
    }
    optional = {
        "password": settings.password.reveal(),
        "sslcert": settings.sslcert,
        "sslkey": settings.sslkey,
        "sslpassword": settings.sslpassword.reveal(),
        "sslrootcert": settings.sslrootcert,
        "replication": "database" if replication else "",
    }
    arguments |= {name: value for name, value in optional.items() if value}
    with refusals(settings):
        connection = await psycopg.AsyncConnection.connect(autocommit=True, **arguments)  # type: ignore[arg-type]
        if not replication:
            await _initialise(connection, settings)
    return connection


async def _initialise(connection: Connection, settings: PostgresSettings) -> None:
    """Run `database.initial.statements`; a connection on which one is refused is closed."""
    try:
        for statement in settings.initial_statements:
            await connection.execute(statement.encode())
    except BaseException:
        await connection.close()
        raise


@contextmanager
def refusals(settings: PostgresSettings) -> Iterator[None]:
    """Turn psycopg's errors into ours."""
    try:
        yield
    except (psycopg.Error, OSError) as error:
        raise explain(error, settings) from error


def explain(error: BaseException, settings: PostgresSettings, what: str = "") -> CdcError:
    """Return our error for one of psycopg's."""
    said = _message(error)
    where = f"PostgreSQL at {settings.hostname}:{settings.port}/{settings.dbname} (user {settings.user})"
    for pattern, kind, remedy in REFUSALS:
        if re.search(pattern, said, re.IGNORECASE):
            return kind(f"{where}: {what}{said}", remedy)
    state = getattr(error, "sqlstate", None)
    if state is None or state[:2] in {"08", "53", "57", "58"} or isinstance(error, OSError):
        return SourceUnavailable(f"{where}: {what}{said}", "Check that the server runs and can be reached.")
    return SourceRefused(f"{where}: {what}{said}", "See the server's message.")


def _message(error: BaseException) -> str:
    """Return the first line of what the server said, without libpq's preamble."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    text = re.sub(r"^(connection failed: |connection to server at [^:]*: |(FATAL|ERROR):\s+)+", "", text)
    return text.rstrip(".")
