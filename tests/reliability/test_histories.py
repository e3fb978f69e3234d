"""Fifty random histories of a thousand transactions each, with savepoints, aborts and DDL, on the oldest server and the newest."""

import pytest

from cdc.testing.servers import PostgresServer
from tests.support.connector import Script, properties, until
from tests.support.database import created, dropped
from tests.support.histories import END, History, differences
from tests.support.kafka_reader import read_committed

pytestmark = [pytest.mark.reliability, pytest.mark.timeout(3600)]

SEEDS = 50
TRANSACTIONS = 1000


def one(server, kafka, prefix, folder, seed):
    """Write one history, and return it with what a reader finds different."""
    database = created(server)
    more = {"decimal_handling_mode": "string", "value_converter_replace_null_with_default": "false"}
    script = Script(folder, properties(database, kafka.url, prefix, **more))
    try:
        history = History(database, seed)
        history.prepare()
        script.start()
        script.wait_for("streaming from")
        history.run(TRANSACTIONS)
        until(lambda: read_committed(kafka.url, f"{prefix}.public.{END}"), f"the last row; {script.output}", 120)
    finally:
        script.kill()
        dropped(database)
    return history, differences(history, kafka.url, prefix)


@pytest.mark.parametrize("version", [14, 18])
def test_every_change_arrives_as_it_was_written(version, kafka, topic_prefix, tmp_path):
    changes = aborted = ddl = 0
    with PostgresServer(version=version) as server:
        for seed in range(SEEDS):
            history, found = one(server.address, kafka, f"{topic_prefix}{seed}", tmp_path, seed)
            assert not found, f"seed {seed}: {found[:5]}"
            changes, aborted, ddl = changes + history.changes, aborted + history.aborted, ddl + history.ddl
    print(
        f"\nPostgreSQL {version}, {SEEDS} histories: {changes} changes, {aborted} aborted transactions, {ddl} DDL, no difference"
    )
