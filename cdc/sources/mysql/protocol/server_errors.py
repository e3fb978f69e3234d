"""What a MySQL or MariaDB server refuses, in words that say what to do.

Numbers: the MySQL error message reference.
"""

from __future__ import annotations

import socket

from cdc.errors import SourceError, SourceRefused, SourceUnavailable
from cdc.sources.mysql.binlog.fields import Fields

#: How many bytes of a server's sentence are kept; its own limit is 512 (MYSQL_ERRMSG_SIZE).
MOST_SAID = 4096

#: Errors after which another attempt may succeed, though the server answers → the remedy.
PASSING = {
    1040: "All connections are taken: raise max_connections, or close some.",
    1053: "The server is shutting down: wait until it is back.",
    1203: "All connections of the user are taken: raise its max_user_connections, or close some.",
    1205: "Another transaction holds the lock: try again when it has ended.",
    1213: "Another transaction held the lock: try again.",
    1226: "The user's hourly limit is reached: raise it, or wait.",
    1317: "Somebody stopped the statement (KILL).",
    1927: "Somebody closed the connection (KILL).",
    3024: "The statement ran for too long: raise max_execution_time.",
    3168: "The server is not ready yet: try again.",
    4031: "The connection was idle for too long: raise wait_timeout.",
}
#: Remedies for refusals that stay.
REMEDIES = {
    1044: "Check database.user, and grant it the right to this database.",
    1045: "Check database.user and database.password.",
    1049: "Check the name of the database.",
    1129: "Run mysqladmin flush-hosts on the server, and find out why connections broke off.",
    1130: "Create the user for this host, or connect from one that it is allowed from.",
    1142: "Grant the user the right that is missing.",
    1227: "Grant the user the right that the message names.",
    1236: "See the server's message.",
    1251: "Give the user another authentication method, as caching_sha2_password.",
    1698: "Check database.user and database.password; the user may be allowed to log in on the server's machine only.",
    1820: "The user's password has expired: give it a new one.",
    1862: "The user's password has expired: give it a new one.",
    3118: "The account is locked: ALTER USER … ACCOUNT UNLOCK.",
    3159: "The server wants encryption: set database.ssl.mode to required or more.",
}


class _Said:
    """What an error packet holds: the server's number, the SQLSTATE, and its sentence."""

    code: int
    state: str
    said: str


class ServerRefused(SourceRefused, _Said):
    """The server answered with an error: `code`, `state` (SQLSTATE) and `said` are its own."""


class ServerBusy(SourceUnavailable, _Said):
    """The server answered with an error that may pass: `code`, `state` (SQLSTATE) and `said` are its own."""


def server_error(packet: bytes, where: str, doing: str = "") -> ServerRefused | ServerBusy:
    """Return our error for an error packet; `where` names server and user, `doing` what was asked."""
    code, state, said = read_error(packet)
    fact = f"{where}: {doing}{said.rstrip('.')} (error {code}, SQLSTATE {state})"
    kind = ServerBusy if code in PASSING else ServerRefused
    error = kind(fact, PASSING.get(code) or REMEDIES.get(code, "See the server's message."))
    error.code, error.state, error.said = code, state, said
    return error


def read_error(packet: bytes) -> tuple[int, str, str]:
    """Return number, SQLSTATE and the beginning of the sentence of an error packet; raises DecodeError."""
    fields = Fields(packet, "an error packet", 1)
    code, state = fields.number(2), "HY000"
    if packet[fields.at : fields.at + 1] == b"#":
        state = fields.take(6)[1:].decode("ascii", "replace")
    return code, state, fields.rest()[:MOST_SAID].decode("utf-8", "replace")


def broken(where: str, error: BaseException) -> SourceError:
    """Return our error for a connection that could not be made."""
    said = str(error) or type(error).__name__
    return SourceUnavailable(f"{where}: {said}", _remedy(error))


def _remedy(error: BaseException) -> str:
    if isinstance(error, socket.gaierror):
        return "Check database.hostname."
    if isinstance(error, ConnectionRefusedError):
        return "Check database.hostname and database.port, and that the server runs."
    return "Check that the server runs and can be reached from here (address, port, firewall)."
