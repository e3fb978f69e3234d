"""What a server says when it does not send its binlog, or stops, in words that say what to do.

Messages: sql/rpl_binlog_sender.cc of MySQL and sql/sql_repl.cc of MariaDB; most are error 1236 with different texts.
"""

from __future__ import annotations

import re

from cdc.errors import CdcError, LogDiverged, LogPurged, ServerIdInUse, SourceLost, SourceRefused
from cdc.sources.mysql.protocol.server_errors import ServerBusy, server_error

NEW_SNAPSHOT = "Remove the stored offset to begin with a new snapshot (cdc-stream offsets reset)"
LOG_REPLACED = (
    f"The log is not the one that was read: was it reset, or the server restored or replaced? {NEW_SNAPSHOT}."
)

#: What the server says → the class of error and the remedy. The first pattern that is found decides.
ENDINGS: tuple[tuple[str, type[CdcError], str], ...] = (
    (
        r"same server_uuid/server_id|same server_id",
        ServerIdInUse,
        "Give this connector a database.server.id that no replica of the server has.",
    ),
    (
        r"purged required binary logs|Could not find first log file name|have been purged|was purged",
        LogPurged,
        f"{NEW_SNAPSHOT}, and keep the log for longer (binlog_expire_logs_seconds).",
    ),
    (
        r"has more GTIDs than the (source|master)|which is not in the master's binlog|diverged",
        LogDiverged,
        f"Check that this is the right server, and that it was not restored from a backup or reset. {NEW_SNAPSHOT}.",
    ),
    (
        r"position > file size|impossible position|bogus data in log event|event truncated|unknown error reading log event",
        LogDiverged,
        LOG_REPLACED,
    ),
    (
        r"crc check|corrupted|truncated in the middle",
        SourceLost,
        f"The server's log is damaged: repair it from a replica. {NEW_SNAPSHOT}.",
    ),
    (
        r"GTID_MODE = (OFF|ON_PERMISSIVE|OFF_PERMISSIVE)|GTID_MODE .* instead of ON",
        SourceRefused,
        "Set gtid_mode = ON on the server, or begin at a file and position.",
    ),
    (
        r"Binary log is not open|not using binary log|binary log(ging)? is (disabled|closed)",
        SourceRefused,
        "Start the server with its binary log on (log_bin), and server_id set.",
    ),
    (
        r"server id was not set",
        SourceRefused,
        "Set server_id on the server.",
    ),
    (
        r"checksum",
        SourceRefused,
        "Check binlog_checksum on the server: NONE and CRC32 can be read.",
    ),
    (
        r"REPLICATION SLAVE|REPLICATION MASTER ADMIN|Access denied",
        SourceRefused,
        "Grant the right: GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO the user.",
    ),
    (
        r"max_allowed_packet",
        SourceRefused,
        "An event is larger than the server sends: raise max_allowed_packet there, up to 1 GiB.",
    ),
)


def dump_error(packet: bytes, where: str, place: str) -> CdcError:
    """Return our error for the packet with which the server ended a dump that stood at `place`."""
    error = server_error(packet, where, f"the binlog at {place} cannot be read: ")
    if isinstance(error, ServerBusy):
        return error
    for pattern, kind, remedy in ENDINGS:
        if re.search(pattern, error.said, re.IGNORECASE):
            found = kind(str(error), remedy)
            found.__cause__ = error
            return found
    return error
