"""An instance that was paused and wakes up while another has taken over."""

from __future__ import annotations

import signal

import pytest

from tests.support.connector import Script, properties, until
from tests.support.kills import drain
from tests.support.load import CAPTURED, prepare, writing
from tests.support.proof import faults

pytestmark = pytest.mark.reliability

ROWS = 1000


@pytest.mark.parametrize("seed", range(5))
def test_of_a_paused_instance_and_its_successor_one_goes_on_and_nothing_is_doubled(
    seed, database, kafka, topic_prefix, tmp_path
):
    prepare(database, rows=ROWS)
    # The server gives up a reader that does not answer, and frees its slot.
    database.execute(f"alter database {database.name} set wal_sender_timeout = '2s'")
    config = properties(database, kafka.url, topic_prefix, table_include_list=CAPTURED)
    pair = []
    for name in ("paused", "successor"):
        (tmp_path / name).mkdir()
        pair.append(Script(tmp_path / name, {**config, "status.update.interval.ms": "500"}))
    paused, successor = pair
    try:
        with writing(database, rows=ROWS, seed=seed) as load:
            paused.start()
            paused.wait_for("streaming from")
            load.wait_for(100 * (seed + 1))
            paused.process.send_signal(signal.SIGSTOP)
            successor.start()
            successor.wait_for("streaming from")
            load.wait_for(load.committed + 200)
            paused.process.send_signal(signal.SIGCONT)
            until(lambda: not (paused.running and successor.running), "one of the two stopping")
        (alive,) = [script for script in pair if script.running]
        (ended,) = [script for script in pair if not script.running]
        assert ended.process.returncode == 1
        assert f"Another instance of connector {topic_prefix} has started" in ended.output
        drain(alive, database, topic_prefix)
        alive.stop()
    finally:
        for script in pair:
            script.kill()
    found = faults(database, kafka.url, topic_prefix, rows=ROWS)
    assert not found, "\n".join(found)
