"""One instance at a time: a stop leaves nothing half done, and of two instances the later one goes on alone."""

from __future__ import annotations

import signal

import pytest

from tests.support.connector import Script, properties
from tests.support.kafka_reader import read_committed
from tests.support.kills import drain
from tests.support.load import CAPTURED, prepare, writing
from tests.support.proof import faults

ROWS = 1000


@pytest.fixture
def config(database, kafka, topic_prefix):
    prepare(database, rows=ROWS)
    return properties(database, kafka.url, topic_prefix, table_include_list=CAPTURED)


@pytest.fixture
def scripts(config, tmp_path):
    """Two instances of one connector."""
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
    pair = [Script(folder, config) for folder in folders]
    yield pair
    for script in pair:
        script.kill()


def test_signal_stops_within_five_seconds_under_load_and_loses_nothing(scripts, database, kafka, topic_prefix):
    script, _ = scripts
    with writing(database, rows=ROWS, pause=0) as load:
        for how in (signal.SIGTERM, signal.SIGINT):
            script.start()
            script.wait_for("streaming from")
            before = load.committed
            load.wait_for(before + 200)
            assert script.terminate(5, how) == 0
            assert "stopped at" in script.output
            assert "Traceback" not in script.output
        script.start()
    drain(script, database, topic_prefix)
    script.stop()
    assert not faults(database, kafka.url, topic_prefix, rows=ROWS)


def test_signal_stops_within_five_seconds_in_the_snapshot(scripts, database, kafka, topic_prefix):
    database.execute("insert into accounts select g, 'more', 'more', null from generate_series(5000, 400000) g")
    script, _ = scripts
    script.start()
    script.wait_for("created topic")
    assert script.terminate(5) == 0
    assert "streaming from" not in script.output
    assert not read_committed(kafka.url, f"{topic_prefix}.public.accounts")


def test_second_instance_goes_on_and_the_first_says_so_and_stops(scripts, database, kafka, topic_prefix):
    first, second = scripts
    with writing(database, rows=ROWS):
        first.start()
        first.wait_for("streaming from")
        second.start()
        assert first.process.wait(20) == 1
        second.wait_for("streaming from")
    assert f"Another instance of connector {topic_prefix} has started" in first.output
    assert "Traceback" not in first.output
    drain(second, database, topic_prefix)
    second.stop()
    assert not faults(database, kafka.url, topic_prefix, rows=ROWS)
