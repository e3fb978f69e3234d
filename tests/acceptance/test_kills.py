"""Killed at any moment, the connector loses nothing and doubles nothing."""

from __future__ import annotations

from tests.support.connector import Script, properties
from tests.support.kills import drain, kill_repeatedly
from tests.support.load import CAPTURED, prepare, writing
from tests.support.proof import faults

ROWS = 200_000


def test_every_change_arrives_once_in_order_though_the_connector_is_killed(database, kafka, topic_prefix, tmp_path):
    assert_exactly_once_over_kills(5, database, kafka.url, topic_prefix, tmp_path)


def assert_exactly_once_over_kills(times, database, servers, prefix, folder, *, seed=1):
    prepare(database, rows=ROWS)
    script = Script(folder, properties(database, servers, prefix, table_include_list=CAPTURED))
    try:
        with writing(database, rows=ROWS, seed=seed) as load:
            kills = kill_repeatedly(script, times, seed=seed)
            script.start()
        drain(script, database, prefix)
        script.stop()
    finally:
        script.kill()
    print(f"{kills}, {load.committed} transactions committed")
    assert kills.in_snapshot
    assert kills.streaming
    found = faults(database, servers, prefix, rows=ROWS)
    assert not found, "\n".join(found)
