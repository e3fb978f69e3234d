"""A worker with connectors of every kind that is killed, stopped for a while and ended again and again, under load."""

from __future__ import annotations

import random
import signal
import threading
import time

import pytest

from tests.support.connector import properties, until
from tests.support.kafka_reader import read_committed
from tests.support.load import CAPTURED, prepare, writing
from tests.support.proof import faults
from tests.support.worker import JSON, Worker

pytestmark = [pytest.mark.reliability, pytest.mark.timeout(1200)]

ROUNDS = 20
ROWS = 1000
#: Longer than the session timeout of the sink's consumer, which the broker does not let be shorter.
PAUSE_SECONDS = 8


class Writer:
    """Appends numbered lines to a file, about a hundred a second, until it is left."""

    def __init__(self, path) -> None:
        self.path = path
        self.written = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _run(self):
        with self.path.open("a") as file:
            while not self._over.wait(0.01):
                file.write(f"line {self.written}\n")
                file.flush()
                self.written += 1


def put_all(worker, folder, config, topic):
    json = {"key.converter": JSON, "key.converter.schemas.enable": "false", "value.converter": JSON}
    shop = {**{name: text for name, text in config.items() if name != "bootstrap.servers"}, **json}
    assert worker.call("PUT", f"/connectors/{config['name']}/config", shop)[0] in {200, 201}
    worker.put("in", connector_class="FileStreamSource", file=str(folder / "in.txt"), topic=topic)
    worker.put("out", connector_class="FileStreamSink", file=str(folder / "out.txt"), topics=topic)


def harm(worker, chosen):
    """Kill the worker, stop it for a while, or end it in good order."""
    deed = chosen.choice(["kill", "kill", "pause", "end"])
    if deed == "pause":
        worker.process.send_signal(signal.SIGSTOP)
        time.sleep(PAUSE_SECONDS)
        worker.process.send_signal(signal.SIGCONT)
    elif deed == "end":
        assert worker.stop() == 0
    else:
        worker.kill()
    return deed


def test_nothing_is_lost_or_doubled_in_any_topic_or_file(database, kafka, topic_prefix, tmp_path):
    prepare(database, rows=ROWS)
    config = properties(database, kafka.url, topic_prefix, table_include_list=CAPTURED)
    topic = f"{topic_prefix}.lines"
    more = {"offset_flush_interval_ms": "500", "consumer_session_timeout_ms": "6000"}
    worker = Worker(tmp_path, kafka.url, f"{topic_prefix}.offsets", **more)
    chosen = random.Random(1)
    deeds: list[str] = []
    try:
        with writing(database, rows=ROWS) as load, Writer(tmp_path / "in.txt") as writer:
            for _ in range(ROUNDS):
                if not deeds or deeds[-1] != "pause":
                    worker.start()
                    put_all(worker, tmp_path, config, topic)
                begun = load.committed
                time.sleep(chosen.uniform(1, 12))
                load.wait_for(begun + 50)
                deeds.append(harm(worker, chosen))
        if deeds[-1] != "pause":
            worker.start()
            put_all(worker, tmp_path, config, topic)
        expected = [f"line {number}" for number in range(writer.written)]
        until(lambda: (tmp_path / "out.txt").read_text().endswith(f"{expected[-1]}\n"), "the last line", 120)
        for name in ("in", "out", config["name"]):
            assert worker.states(name) == ["RUNNING", "RUNNING"], worker.trace(name)
        until(lambda: not faults(database, kafka.url, topic_prefix, rows=ROWS), "every change, once", 120)
        assert worker.stop() == 0
    finally:
        worker.kill()
    assert (tmp_path / "out.txt").read_text().splitlines() == expected
    assert [(record.value or b"").decode() for record in read_committed(kafka.url, topic)] == expected
    assert "Traceback" not in worker.output
    print(
        f"\n{len(deeds)} times {', '.join(sorted(set(deeds)))}: {len(expected)} lines and {load.committed} transactions, each once"
    )
