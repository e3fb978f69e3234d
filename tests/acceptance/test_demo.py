"""`cdc-stream demo`: real servers, a shop, and one line that proves the stream complete."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import orjson
import pytest
from confluent_kafka import Producer

from tests.support.database import Database
from tests.support.kafka_reader import read_committed, topics

DEMO = [str(Path(sys.executable).with_name("cdc-stream")), "demo"]
EXACT = re.compile(r"committed (\d+), delivered \1, missing 0, duplicated 0")
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
INTO_VIEW, OUT_OF_VIEW = "\x1b[?1049h", "\x1b[?1049l"


@pytest.fixture
def alone(monkeypatch):
    """No servers are left running for the demo, and its temporary data goes where it can be counted."""
    with tempfile.TemporaryDirectory(prefix="cdc-demo-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as another user
        monkeypatch.setenv("CDC_STANDING", folder)
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)


@pytest.fixture
def standing(tmp_path, monkeypatch, postgres, kafka):
    """The session's servers are those that were left running."""
    for server in (postgres, kafka):
        (tmp_path / f"standing-{server.name}.json").write_text(server.line())
    monkeypatch.setenv("CDC_STANDING", str(tmp_path))
    yield
    assert not shops(postgres), "the demo left its database or slot"
    assert not topics(kafka.url, "shop_"), "the demo left its topics"


def shops(postgres):
    server = Database(postgres.host, postgres.port, postgres.user, "postgres")
    return server.execute(
        "select datname from pg_database where datname like 'shop@_%' escape '@' "
        "union all select slot_name from pg_replication_slots where slot_name like 'shop@_%' escape '@'"
    )


def left_in(folder):
    """What the demo has left of its servers: their data, or processes that have it in their command line."""
    lines = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            lines.append((process / "cmdline").read_text())
    return [line for line in lines if str(folder) in line] + [
        path for path in folder.iterdir() if path.name.startswith("cdc-")
    ]


def test_without_a_terminal_it_starts_its_servers_and_ends_with_the_comparison(alone):
    done = subprocess.run([*DEMO, "--for", "5s"], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr
    lines = done.stdout.splitlines()
    last = EXACT.fullmatch(lines[-1])
    assert last, done.stdout
    assert int(last[1]) > 50_000
    for part in (
        r"snapshot of \d+ rows",
        r"0:0\d of 0:05: \d+ events, \d+/s, latency p50 [\d.]+ m?s",
        r"orders: snapshot 12000, insert \d+",
    ):
        assert re.search(part, done.stdout), done.stdout
    assert "\x1b" not in done.stdout
    assert not left_in(alone)


def test_the_shop_may_be_in_mysql(alone):
    done = subprocess.run(
        [*DEMO, "--db", "mysql", "--for", "2s"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "MySQL" in done.stdout
    assert EXACT.fullmatch(done.stdout.splitlines()[-1]), done.stdout
    assert not left_in(alone)


def test_a_database_that_the_shop_knows_nothing_of(alone):
    done = subprocess.run([*DEMO, "--db", "oracle"], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "Give --db one of postgres, mysql." in done.stderr


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([*DEMO, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def read_until(process, pattern):
    """Read lines until one matches."""
    for line in process.stdout:
        if re.search(pattern, line):
            return
    raise AssertionError(f"no line matches {pattern}")


def test_a_signal_while_the_servers_start_leaves_nothing_behind(alone):
    with started() as process:
        read_until(process, "^starting")
        time.sleep(0.7)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    assert output == "stopping\nstopped before the changes could be compared\n"
    assert process.returncode == 130
    assert not left_in(alone)


def test_a_signal_while_it_streams_ends_with_the_comparison(standing):
    with started() as process:
        read_until(process, r"\d+ events")
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    assert EXACT.fullmatch(output.splitlines()[-1]), output
    assert process.returncode == 0


def test_a_record_too_many_is_told_and_fails(standing, kafka):
    with started() as process:
        read_until(process, r"\d+ events")
        [topic] = [name for name in topics(kafka.url, "shop_") if name.endswith(".public.customers")]
        record = read_committed(kafka.url, topic, settled=False)[17]
        assert record.key is not None
        producer = Producer({"bootstrap.servers": kafka.url})
        producer.produce(topic, record.value, record.key)
        assert producer.flush(20) == 0
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    *_, example, last = output.splitlines()
    assert example == f"duplicated: r customers {orjson.loads(record.key)['id']} (version 0)"
    assert re.fullmatch(r"committed \d+, delivered \d+, missing 0, duplicated 1", last)
    assert process.returncode == 1


class Terminal:
    """A terminal of 80 columns and 24 lines with a process on it."""

    def __init__(self, command):
        self.text = ""
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (24, 80))
        environment = {**os.environ, "TERM": "xterm-256color"}
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *command], stdin=slave, stdout=slave, stderr=slave, env=environment
        )
        os.close(slave)

    def read_until(self, pattern, seconds=60):
        """Read until the pattern is found in what was written since the start."""
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.text, re.DOTALL):
            assert time.monotonic() < deadline, f"no {pattern!r} in:\n{self.text[-3000:]}"
            self.text += os.read(self._master, 65536).decode(errors="replace")

    def read_to_end(self):
        with suppress(OSError):  # Linux says EIO when nobody has the terminal open any more
            while data := os.read(self._master, 65536):
                self.text += data.decode(errors="replace")
        return self.process.wait(10)

    def press(self, keys):
        os.write(self._master, keys)

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self._master)


@pytest.fixture
def terminal():
    terminal = Terminal(DEMO)
    yield terminal
    terminal.close()


def test_on_a_terminal_it_draws_a_bar_and_a_view_until_ctrl_c(standing, terminal):
    terminal.read_until(
        re.escape(INTO_VIEW) + r".*latency p99.*(insert|update|delete)\S* +\S*(orders|order_lines|payments)"
    )
    terminal.press(b"x\x03")
    code = terminal.read_to_end()
    before, view = terminal.text.split(INTO_VIEW)
    view, after = view.split(OUT_OF_VIEW)
    assert re.search(r"snapshot .*━.* \d+/\d+ rows", ESCAPES.sub("", before))
    for word in ("events read", "last events", "events/s", "behind log", "exactly once"):
        assert word in view
    assert "^C" not in view
    assert EXACT.fullmatch(ESCAPES.sub("", after).split("\r\n")[-2]), after
    assert code == 0
