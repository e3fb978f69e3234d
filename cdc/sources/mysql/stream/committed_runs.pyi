"""What has committed, as runs of GTIDs."""

from cdc.sources.mysql.stream.executed import Committed

class CommittedRuns:
    """Collects the GTIDs of transactions in the order of their commits."""

    def take(self) -> list[Committed]:
        """Return (UUID, tag, first, last) of each run of GTIDs that committed since this was last asked, or MariaDB's GTIDs."""
