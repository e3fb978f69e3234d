"""What has committed, as runs of GTIDs."""

from cdc.sources.mysql.gtid import Gtid


cdef class CommittedRuns:
    """Collects the GTIDs of transactions in the order of their commits; see the stub."""

    def __init__(self):
        self.runs = []

    cdef int note(self, object gtid) except -1:
        """Note a GTID, as a part of the run that the one before it belongs to; None for a transaction without."""
        if gtid is None:
            return 0
        if not isinstance(gtid, Gtid):
            self.runs.append(gtid)
            return 0
        if self.runs and isinstance(self.runs[len(self.runs) - 1], tuple):
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
