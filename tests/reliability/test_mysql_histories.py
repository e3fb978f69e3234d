"""Fifty random histories of a thousand transactions each on MySQL, with the names of columns in its log and without."""

import pytest

from cdc.testing.servers.mysql import MySqlServer
from tests.support.mysql_proof import proven

pytestmark = [pytest.mark.reliability, pytest.mark.timeout(7200)]

SEEDS = 50
TRANSACTIONS = 1000


@pytest.mark.parametrize("metadata", ["FULL", "MINIMAL"])
def test_every_change_arrives_as_it_was_written(metadata, kafka, topic_prefix, tmp_path):
    changes = aborted = ddl = 0
    first = 0 if metadata == "FULL" else SEEDS // 2
    with MySqlServer(options={"binlog-row-metadata": metadata}) as server:
        for seed in range(first, first + SEEDS // 2):
            history, found = proven(
                server.address, kafka.url, f"{topic_prefix}{seed}", tmp_path, seed=seed, transactions=TRANSACTIONS
            )
            assert not found, f"seed {seed}: {found[:5]}"
            changes, aborted, ddl = changes + history.changes, aborted + history.aborted, ddl + history.ddl
    print(
        f"\n{metadata}, {SEEDS // 2} histories: {changes} changes, {aborted} aborted transactions, {ddl} DDL, no difference"
    )
