"""Connections to PostgreSQL, and its refusals in words that say what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psycopg
from psycopg.rows import TupleRow

from cdc.config.settings import PostgresSettings
from cdc.errors import CdcError, PublicationDropped, SlotInUse, SlotInvalidated, SourceRefused, SourceUnavailable
from cdc.sources.postgres.schema.types import SESSION_SETTINGS

# A snapshot is one long transaction, and the session that exports it is idle meanwhile.
PATIENCE = {"statement_timeout": "0", "lock_timeout": "0", "idle_in_transaction_session_timeout": "0"}
# A blank inside a value is escaped, as libpq's manual says of `options`.
SESSION_OPTIONS = " ".join(
    f"-c {name}={value}".replace(", ", ",\\ ") for name, value in {**SESSION_SETTINGS, **PATIENCE}.items()
)

Connection = psycopg.AsyncConnection[TupleRow]

SLOT_REMEDY = "Stop the other reader, or give this one a slot.name of its own."

ATTEMPT = re.compile(r"^- host: '([^']*)', port: '([^']*)', hostaddr: (?:'[^']*'|None): (.*)$", re.MULTILINE)

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
        r"can no longer (access|get changes from) replication slot|requested WAL segment \S+ has already been removed",
        SlotInvalidated,
        "Drop the slot, and remove the stored offset to begin with a new snapshot (cdc-stream offsets reset).",
    ),
    (
        r"session is read-only|server is in hot standby mode",
        SourceUnavailable,
        "None of the hosts takes writes: wait until a standby has been promoted, or check database.hostname.",
    ),
    (
        r'publication "[^"]*" does not exist',
        PublicationDropped,
        "Drop the slot and reset the offset (cdc-stream offsets reset): before version 18 it cannot decode what is older than its publication.",
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


async def connect(
    settings: PostgresSettings, *, replication: bool = False, beside: Connection | None = None
) -> Connection:
    """Open a connection in autocommit mode with the session settings that fix how values are printed.

    Of several hosts it is the first that takes writes. Names are resolved anew each time, so that a server which has taken over is found.
    With `beside` it is the very server of that connection.

    Raises:
        SourceUnavailable: the server cannot be reached, or none of several takes writes.
        SourceRefused: it refuses the user, the database or the right to replicate.
    """
    arguments: dict[str, str | int] = {
        **_server(settings, beside),
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


def _server(settings: PostgresSettings, beside: Connection | None) -> Mapping[str, str | int]:
    """Return libpq's parameters for where to connect."""
    if beside is not None:
        at = beside.info
        return {"host": at.host, "port": at.port, **({"hostaddr": at.hostaddr} if at.hostaddr else {})}
    hosts = settings.hosts
    if len(hosts) == 1:  # it may be a standby, if that is what the configuration says
        return {"host": hosts[0].name, "port": hosts[0].port}
    names, ports = ",".join(host.name for host in hosts), ",".join(str(host.port) for host in hosts)
    return {"host": names, "port": ports, "target_session_attrs": "read-write"}


@contextmanager
def refusals(settings: PostgresSettings) -> Iterator[None]:
    """Turn psycopg's errors into ours."""
    try:
        yield
    except (psycopg.Error, OSError) as error:
        raise explain(error, settings) from error


def explain(error: BaseException, settings: PostgresSettings, what: str = "") -> CdcError:
    """Return our error for one of psycopg's; of several hosts, one that may be reached later decides."""
    found = [_explained(said, error, settings, what) for said in _failures(error)]
    return next((each for each in found if each.retriable), found[0])


def _explained(said: str, error: BaseException, settings: PostgresSettings, what: str) -> CdcError:
    at = ",".join(map(str, settings.hosts))
    where = f"PostgreSQL at {at}/{settings.dbname} (user {settings.user})"
    for pattern, kind, remedy in REFUSALS:
        if re.search(pattern, said, re.IGNORECASE):
            return kind(f"{where}: {what}{said}", remedy)
    state = getattr(error, "sqlstate", None)
    if state is None or state[:2] in {"08", "53", "57", "58"} or isinstance(error, OSError):
        return SourceUnavailable(f"{where}: {what}{said}", "Check that the server runs and can be reached.")
    return SourceRefused(f"{where}: {what}{said}", "See the server's message.")


def _failures(error: BaseException) -> list[str]:
    """Return what the server said, or each of several; of the addresses that one name stands for, the last counts."""
    attempts = {(host, port): said for host, port, said in ATTEMPT.findall(str(error))}
    if len(attempts) < 2:
        return [_message(str(error) or type(error).__name__)]
    return [f"{host}:{port} {_message(said)}" for (host, port), said in attempts.items()]


def _message(text: str) -> str:
    """Return the first line of what the server said, without libpq's preamble."""
    said = text.strip().partition("\n")[0].strip()
    said = re.sub(r"^(connection failed: |connection to server at [^:]*: |(FATAL|ERROR):\s+)+", "", said)
    return said.rstrip(".")
