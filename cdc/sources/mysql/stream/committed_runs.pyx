"""What has committed, as runs of GTIDs."""

from cdc.errors import DecodeError
from cdc.sources.mysql.binlog.gtid import Gtid


cdef class CommittedRuns:
    """Collects the GTIDs of transactions in the order of their commits; see the stub."""

    def __init__(self):
        self.runs = []
        self.kind = None

    cdef int note(self, object gtid) except -1:
        """Note a GTID, as a part of the run that the one before it belongs to; None for a transaction without."""
        if gtid is None:
            return 0
        if self.kind is None:
            self.kind = type(gtid)
        elif self.kind is not type(gtid):
            raise DecodeError(f"the log has GTIDs of MySQL and of MariaDB: {gtid} is not like those before it", b"", 0)
        if not isinstance(gtid, Gtid):
            self.runs.append(gtid)
            return 0
        if self.runs:
            uuid, tag, first, last = self.runs.pop()
            if uuid == gtid.uuid and tag == gtid.tag and last + 1 == gtid.number:
                self.runs.append((uuid, tag, first, gtid.number))
                return 0
            self.runs.append((uuid, tag, first, last))
        self.runs.append((gtid.uuid, gtid.tag, gtid.number, gtid.number))
        return 0

    def take(self):
        runs, self.runs = self.runs, []
        return runs
