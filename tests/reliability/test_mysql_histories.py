"""Fifty random histories of a thousand transactions each on MySQL, and twenty on MariaDB, with the names of columns in its log and without."""

import pytest

from cdc.testing.servers.mysql import MariaDbServer, MySqlServer
from tests.support.mysql_proof import proven

pytestmark = [pytest.mark.reliability, pytest.mark.timeout(7200)]

TRANSACTIONS = 1000
RUNS = [
    (MySqlServer, "FULL", range(25)),
    (MySqlServer, "MINIMAL", range(25, 50)),
    (MariaDbServer, "FULL", range(50, 60)),
    (MariaDbServer, "NO_LOG", range(60, 70)),
]


@pytest.mark.parametrize(("kind", "metadata", "seeds"), RUNS)
def test_every_change_arrives_as_it_was_written(kind, metadata, seeds, kafka, topic_prefix, tmp_path, capsys):
    changes = aborted = ddl = 0
    with kind(options={"binlog-row-metadata": metadata}) as server:
        for seed in seeds:
            history, found = proven(
                server.address, kafka.url, f"{topic_prefix}{seed}", tmp_path, seed=seed, transactions=TRANSACTIONS
            )
            assert not found, f"seed {seed}: {found[:5]}"
            changes, aborted, ddl = changes + history.changes, aborted + history.aborted, ddl + history.ddl
    with capsys.disabled():
        print(
            f"\n{kind.name} {metadata}, {len(seeds)} histories: {changes} changes, {aborted} aborted transactions, {ddl} DDL, no difference"
        )
