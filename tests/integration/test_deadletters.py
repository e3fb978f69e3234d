"""Dead letters of a real topic: listed, shown and put back by the program, whoever wrote them."""

import asyncio
import gc
import io
import json
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from unittest.mock import patch

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from cdc.cli import main
from cdc.connect.dead_letters import dead_letter
from cdc.connect.herder import TaskId
from cdc.connect.tolerance import ErrorSettings, Stage, StageFailed
from cdc.errors import ConversionError, Fenced, SinkError
from cdc.kafka.consumer import ConsumedRecord
from cdc.kafka.dead_letters import KafkaDeadLetterWriter
from cdc.kafka.replays import NOTES, Replay, read_notes, replaying
from cdc.model.schema import INT64, STRING
from tests.support.kafka_reader import read_committed, topics
from tests.support.publishing import SHOP, kafka_settings, publishing, records
from tests.unit.connect.source_bench import encoder, record

PROGRAM = str(Path(sys.executable).with_name("cdc-stream"))
#: A minute ago, in milliseconds: what is older than its topic's retention would be deleted.
TIME = time.time_ns() // 1_000_000 - 60_000
SHOWN = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(TIME // 1000))}.{TIME % 1000:03}Z"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it printed."""

    code: int | str
    stdout: str
    stderr: str


class Letters:
    """A dead letter topic, the topic of its records, and the program at work on them."""

    def __init__(self, servers, name):
        self.servers = servers
        self.topic = f"{name}.dlq"
        self.origin = f"{name}.orders"
        self._producer = Producer({"bootstrap.servers": servers})

    def create(self, **partitions):
        admin = AdminClient({"bootstrap.servers": self.servers})
        wanted = [NewTopic(getattr(self, name), count, 1) for name, count in partitions.items()]
        for future in admin.create_topics(wanted).values():
            future.result(30)
        return self

    def write(self, key, value, *headers, timestamp=TIME, **errors):
        """Write a letter as Kafka Connect does, by another client."""
        told = [(f"__connect.errors.{name.replace('_', '.')}", str(text).encode()) for name, text in errors.items()]
        self._producer.produce(self.topic, value, key, 0, timestamp=timestamp, headers=[*headers, *told])
        assert self._producer.flush(30) == 0

    def write_read(self, key, value, *headers, partition=0, offset=0, **more):
        """Write a letter of a record that was read from the origin."""
        self.write(key, value, *headers, topic=self.origin, partition=partition, offset=offset, **_failure(), **more)

    def run(self, command, *arguments):
        """Run `cdc-stream deadletters` in this process, where what it leaves open is an error."""
        out, err = io.StringIO(), io.StringIO()
        with patch.object(sys, "argv", self.line(command, *arguments)), redirect_stdout(out), redirect_stderr(err):
            with pytest.raises(SystemExit) as ended:
                main()
            gc.collect()
        return Ended(ended.value.code or 0, out.getvalue(), err.getvalue())

    def line(self, command, *arguments):
        return [PROGRAM, "deadletters", command, self.topic, *arguments, "--bootstrap-servers", self.servers]

    def done(self, command, *arguments):
        """Run it, and return what it printed, as lines; it must have come out well."""
        found = self.run(command, *arguments)
        assert (found.code, found.stderr) == (0, "")
        return found.stdout.splitlines()

    def read(self, topic=""):
        return read_committed(self.servers, topic or self.origin)


def _failure(stage="VALUE_CONVERTER", connector="copy"):
    return {
        "connector_name": connector,
        "task_id": 0,
        "stage": stage,
        "class_name": "org.apache.kafka.connect.json.JsonConverter",
        "exception_class_name": "org.apache.kafka.connect.errors.DataException",
        "exception_message": "not JSON\nat all",
        "exception_stacktrace": "DataException: not JSON\n\tat somewhere",
    }


@pytest.fixture
def letters(kafka, topic_prefix):
    return Letters(kafka.url, topic_prefix)


def test_a_letter_is_put_back_as_it_was_and_only_once(letters):
    letters.create(topic=1, origin=3)
    letters.write_read(b"k", b"\x00v", ("own", b"1"), ("own", None), partition=2, offset=7)
    assert letters.done("replay", "0:0") == [f"0:0 put back to {letters.origin}", "1 put back"]
    assert letters.done("replay", "--all")[-1] == "0 put back, 1 put back before (--again does it once more)"
    (found,) = letters.read()
    assert (found.partition, found.key, found.value) == (2, b"k", b"\x00v")
    assert found.timestamp > TIME  # or an old one would fall to the topic's retention
    assert found.headers == (("own", b"1"), ("own", None))


def test_the_list_says_where_each_came_from_what_failed_and_which_were_put_back(letters):
    letters.create(topic=1, origin=1)
    letters.write_read(b"1", b"one", offset=7)
    letters.write_read(b"2", b"two", offset=8)
    letters.write(b"3", None)
    before = time.time()
    letters.done("replay", "0:1")
    first, second, third = (line.split("\t") for line in letters.done("list"))
    shared = [SHOWN, "copy", "0"]
    failed = ["VALUE_CONVERTER", "DataException: not JSON"]
    assert first == ["0:0", *shared, f"{letters.origin}-0@7", *failed, "-"]
    assert second[:-1] == ["0:1", *shared, f"{letters.origin}-0@8", *failed]
    assert second[-1].endswith(f" to {letters.origin}")
    assert third == ["0:2", shared[0], "-", "-", "-", "-", "-", "-"]
    documents = [json.loads(line) for line in letters.done("list", "--json", "--limit", "2")]
    assert [each["offset"] for each in documents] == [1, 2]
    assert documents[0]["origin"] == {"topic": letters.origin, "partition": 0, "offset": 8}
    assert documents[0]["message"] == "not JSON\nat all"
    assert documents[0]["replayed"]["topic"] == letters.origin
    assert datetime.fromisoformat(documents[0]["replayed"]["time"]).timestamp() == pytest.approx(before, abs=120)
    assert documents[1]["origin"] is documents[1]["replayed"] is None


def test_connector_and_stage_choose(letters):
    letters.create(topic=1, origin=1)
    for connector, stage in [("copy", "TASK_PUT"), ("copy", "KEY_CONVERTER"), ("other", "TASK_PUT")]:
        letters.write(b"k", b"v", topic=letters.origin, partition=0, **_failure(stage, connector))
    choice = ("--connector", "copy", "--stage", "task_put")
    assert [line.split("\t")[0] for line in letters.done("list", *choice)] == ["0:0"]
    assert letters.done("replay", "--all", *choice) == [f"0:0 put back to {letters.origin}", "1 put back"]
    assert len(letters.read()) == 1


def test_what_our_own_sinks_write_is_shown_in_full(letters):
    record = ConsumedRecord(letters.origin, 1, 42, TIME, b"\xff\x00", b'{"id":7}', (("own", b"x"),))
    failed = StageFailed(Stage.VALUE_CONVERTER, str, ConversionError("7 is no order"))
    settings = ErrorSettings(dead_letter_topic=letters.topic, dead_letter_headers=True)
    asyncio.run(_write(letters, dead_letter(record, failed, TaskId("copy", 3), settings)))
    lines = letters.done("show", "0:0")
    assert lines[:9] == [
        f"letter 0:0 of topic {letters.topic}",
        f"  time: {SHOWN}",
        f"  origin: {letters.origin}-1@42",
        "  put back: no",
        "  key: hex ff 00",
        "  value:",
        "    {",
        '      "id": 7',
        "    }",
    ]
    assert "  header own: x" in lines
    assert "  error exception.message: 7 is no order" in lines
    assert lines[-3:] == ["  stack trace:", "    cdc.errors.ConversionError: 7 is no order", ""]


async def _write(letters, letter):
    writer = KafkaDeadLetterWriter(kafka_settings(letters.servers, letters.topic), letters.topic, 1)
    await writer.start()
    try:
        await writer.write(letter)
    finally:
        await writer.stop()


def test_the_key_decides_where_the_topic_has_no_partition_of_that_number(letters):
    letters.create(topic=1, origin=3)
    keys = [b"key-%d" % number for number in range(20)]
    for key in keys:
        letters.write_read(key, b"v", partition=3)
    letters.done("replay", "--all")
    other = Producer({"bootstrap.servers": letters.servers, "partitioner": "murmur2_random"})
    for key in keys:
        other.produce(letters.origin, b"other", key)
    assert other.flush(30) == 0
    found = letters.read()
    by_key = {value: {r.key: r.partition for r in found if r.value == value} for value in (b"v", b"other")}
    assert by_key[b"v"] == by_key[b"other"]
    assert len(found) == 40


def test_a_letter_that_names_no_topic_needs_one_and_does_not_hold_up_the_others(letters):
    letters.create(topic=1, origin=1)
    letters.write(b"lost", b"v")
    letters.write_read(b"k", b"v")
    found = letters.run("replay", "--all")
    assert found.code == 1
    assert found.stdout.splitlines()[-1] == "1 put back, 1 cannot be put back"
    assert "1 of 2 letters cannot be put back; the first is 0:0: it has no header" in found.stderr
    assert "--to" in found.stderr
    assert found.stderr.count("\n") == 1
    letters.done("replay", "--all", "--to", letters.origin)
    assert [record.key for record in letters.read()] == [b"k", b"lost"]


def test_a_topic_that_does_not_exist_is_not_made(letters):
    letters.create(topic=1)
    letters.write_read(b"k", b"v")
    found = letters.run("replay", "--all", "--to", f"{letters.origin}.typo")
    assert (found.code, found.stdout) == (1, "")
    assert f"Kafka has no topic {letters.origin}.typo" in found.stderr
    found = letters.run("replay", "--all")
    assert found.code == 1
    assert f"there is no topic {letters.origin}. Create it" in found.stderr
    assert topics(letters.servers, letters.origin) == []


def test_a_letter_of_a_source_is_not_written_as_if_it_were_a_record(letters):
    letters.create(topic=1, origin=1)
    told = {"source_partition": '{"server":"shop"}', "source_offset": '{"lsn":7}'}
    letters.write(b'{"id":1}', b"{}", topic=letters.origin, **told, **_failure(connector="shop"))
    found = letters.run("replay", "0:0", "--to", letters.origin)
    assert found.code == 1
    assert "the source connector shop could not publish" in found.stderr
    assert letters.read() == []
    assert f'{letters.origin} {{"server":"shop"}} {{"lsn":7}}' in letters.done("list")[0].split("\t")
    (document,) = map(json.loads, letters.done("list", "--json"))
    assert document["origin"]["source_offset"] == {"lsn": 7}


def test_a_dry_run_writes_nothing(letters):
    letters.create(topic=1, origin=1)
    letters.write_read(b"k", b"v")
    assert letters.done("replay", "--all", "--dry-run") == [
        f"0:0 would be put back to {letters.origin}",
        "1 would be put back",
    ]
    assert letters.read() == []
    assert letters.done("list")[0].split("\t")[-1] == "-"


def test_again_puts_back_once_more(letters):
    letters.create(topic=1, origin=1)
    letters.write_read(b"k", b"v")
    for _ in range(2):
        letters.done("replay", "0:0", "--again")
    assert len(letters.read()) == 2


def test_a_replay_that_is_killed_in_the_middle_is_finished_by_the_next(letters):
    letters.origin += "." + "o" * 200
    letters.create(topic=1, origin=1)
    keys = [b"%d" % number for number in range(800)]
    for number, key in enumerate(keys):
        letters.write_read(key, b"v", offset=number)
    # Nobody reads what it prints, so it stops when the pipe is full: after 64 KiB of 200.
    with subprocess.Popen(letters.line("replay", "--all"), stdout=subprocess.PIPE, bufsize=0) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == b"0:0 put back to %s\n" % letters.origin.encode()
        killed.send_signal(signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL
    done = len(letters.read())
    assert 0 < done < len(keys)
    last = letters.done("replay", "--all")[-1]
    assert last == f"{len(keys) - done} put back, {done} put back before (--again does it once more)"
    assert [record.key for record in letters.read()] == keys


@pytest.mark.parametrize("command", ["list", "show", "replay"])
def test_what_is_not_there_is_named(letters, command):
    places = () if command == "list" else ("0:7",)
    found = letters.run(command, *places)
    assert (found.code, found.stdout) == (1, "")
    assert f"Kafka has no topic {letters.topic}" in found.stderr
    letters.create(topic=1)
    letters.write(b"k", b"v")
    if places:
        assert f"Topic {letters.topic} has no letter at 0:7" in letters.run(command, *places).stderr


async def test_a_replay_that_begins_ends_the_one_before_it(kafka, topic_prefix):
    settings = kafka_settings(kafka.url, topic_prefix)
    origin, topic = f"{topic_prefix}.orders", f"{topic_prefix}.dlq"
    await asyncio.to_thread(lambda: Letters(kafka.url, topic_prefix).create(origin=1))
    letter = ConsumedRecord(topic, 0, 0, TIME, b"k", b"v", ())
    async with replaying(settings, topic) as first, replaying(settings, topic) as second:
        with pytest.raises(Fenced, match=f"Another replay of topic {topic} has begun"):
            await first.put_back([Replay(letter, [records(origin, (b"k", b"first"), timestamp=TIME)])])
        await second.put_back([Replay(letter, [records(origin, (b"k", b"second"), timestamp=TIME)])])
    assert [record.value for record in await asyncio.to_thread(read_committed, kafka.url, origin)] == [b"second"]
    assert (await read_notes(settings, topic)).about(letter) is not None


async def test_a_note_that_cannot_be_read_is_named(kafka, topic_prefix):
    settings = kafka_settings(kafka.url, topic_prefix)
    async with replaying(settings, topic_prefix):
        pass  # the topic of notes is there now
    producer = Producer({"bootstrap.servers": kafka.url})
    producer.produce(NOTES, b"{}", json.dumps([topic_prefix, {"partition": "0", "offset": "0"}]))
    assert await asyncio.to_thread(producer.flush, 30) == 0
    with pytest.raises(SinkError, match=rf"The note in topic {NOTES}, partition 0, offset \d+ cannot be read: 'topic'"):
        await read_notes(settings, topic_prefix)


async def test_a_letter_of_a_source_is_converted_as_its_connector_does_it_now(kafka, topic_prefix, tmp_path):
    letters = await asyncio.to_thread(lambda: Letters(kafka.url, topic_prefix).create(topic=1, origin=1))
    await _bury(letters)
    worker, connector = tmp_path / "worker.properties", tmp_path / "files.json"
    worker.write_text(f"bootstrap.servers={kafka.url}\nvalue.converter=JsonConverter\n")
    connector.write_text('{"name": "files", "connector.class": "FileStreamSource", "key.converter": "StringConverter"}')
    options = ("--all", "--source-config", str(connector), "--config", str(worker))
    assert (await asyncio.to_thread(letters.done, "replay", *options))[-1] == "1 put back"
    assert (await asyncio.to_thread(letters.done, "replay", *options))[-1].startswith("0 put back, 1 put back before")
    (found,) = await asyncio.to_thread(letters.read)
    assert (found.key, found.headers) == (b"k", ())
    assert found.timestamp > TIME
    assert json.loads(found.value) == {"schema": {"type": "int64", "optional": False}, "payload": 5}


async def _bury(letters):
    """Have the encoder of the source connector files bury a number, of which its converter can make no text."""
    found = record(5, 12, topic=letters.origin, key="k", key_schema=STRING, value_schema=INT64)
    burying = encoder(tolerate=True, dead_letter_topic=letters.topic, dead_letter_headers=True)
    batches = await replace(burying, now_ms=lambda: TIME).encode([found])
    async with publishing(kafka_settings(letters.servers, letters.topic)) as publisher:
        await publisher.begin()
        await publisher.send(batches[0])
        await publisher.commit(SHOP, {"lsn": 1})
