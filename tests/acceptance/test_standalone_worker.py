"""A standalone worker with real connectors, over its REST API."""

from __future__ import annotations

import json
import random

import pytest

from cdc.testing.servers import KafkaServer
from tests.support.connector import properties, until
from tests.support.kafka_reader import read_committed
from tests.support.worker import JSON, Worker


@pytest.fixture
def worker(kafka, topic_prefix, tmp_path):
    worker = Worker(
        tmp_path,
        kafka.url,
        f"{topic_prefix}.offsets",
        offset_flush_interval_ms="200",
        consumer_session_timeout_ms="6000",
    )
    yield worker
    worker.kill()


@pytest.fixture
def source(tmp_path):
    return tmp_path / "in.txt"


@pytest.fixture
def sink(tmp_path):
    return tmp_path / "out.txt"


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def arrives(line, path):
    until(lambda: line in lines(path), f"{line!r} in {path}")


def copy(worker, source, sink, topic):
    """Have a file copied into another by way of a topic."""
    worker.put("in", connector_class="FileStreamSource", file=str(source), topic=topic)
    worker.put("out", connector_class="FileStreamSink", file=str(sink), topics=topic)


def test_lines_of_a_file_arrive_in_another_once_and_in_order_whatever_is_killed(
    worker, source, sink, kafka, topic_prefix
):
    topic = f"{topic_prefix}.lines"
    written = 0
    chosen = random.Random(5)
    for _ in range(3):
        if written:
            worker.kill()
        worker.start()
        copy(worker, source, sink, topic)
        with source.open("a") as file:
            for _ in range(300):
                file.write(f"line {written}\n")
                written += 1
        # One of this time: what the file has of the last time may be cut off and written again.
        wanted = f"line {written - chosen.randrange(1, 200)}"
        arrives(wanted, sink)
    arrives(f"line {written - 1}", sink)
    assert worker.stop() == 0
    expected = [f"line {number}" for number in range(written)]
    assert lines(sink) == expected
    assert [(record.value or b"").decode() for record in read_committed(kafka.url, topic)] == expected


def test_a_table_is_captured_by_a_connector_that_is_put_stopped_and_resumed(worker, database, kafka, topic_prefix):
    database.execute("create table orders (id int primary key, item text); insert into orders values (1, 'pen')")
    config = {
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "database.hostname": database.host,
        "database.port": str(database.port),
        "database.user": database.user,
        "database.dbname": database.name,
        "topic.prefix": topic_prefix,
        "slot.name": topic_prefix.lower(),
        "key.converter": JSON,
        "value.converter": JSON,
        "value.converter.schemas.enable": "false",
        "name": "shop",
    }
    topic = f"{topic_prefix}.public.orders"

    def events():
        return [json.loads(record.value or b"") for record in read_committed(kafka.url, topic)]

    worker.start()
    assert worker.call("POST", "/connectors", {"name": "shop", "config": config})[0] == 201
    until(lambda: len(events()) == 1, "the snapshot")
    assert worker.states("shop") == ["RUNNING", "RUNNING"]
    assert worker.call("GET", "/connectors/shop/topics")[1] == {"shop": {"topics": [topic]}}
    assert worker.call("PUT", "/connectors/shop/stop")[0] == 204
    database.execute("insert into orders values (2, 'ink')")
    (stored,) = worker.call("GET", "/connectors/shop/offsets")[1]["offsets"]
    assert stored["partition"] == {"server": topic_prefix}
    assert worker.call("PUT", "/connectors/shop/resume")[0] == 202
    until(lambda: len(events()) == 2, "the change that came while it was stopped")
    assert [(event["op"], event["after"]["item"]) for event in events()] == [("r", "pen"), ("c", "ink")]
    assert worker.call("PUT", "/connectors/shop/stop")[0] == 204
    assert worker.call("DELETE", "/connectors/shop/offsets")[0] == 200
    assert worker.call("GET", "/connectors/shop/offsets")[1] == {"offsets": []}


def test_two_connectors_on_one_slot_do_not_both_run(worker, database, topic_prefix):
    database.execute("create table orders (id int primary key)")
    config = {
        "connector_class": "postgres",
        "database_hostname": database.host,
        "database_port": str(database.port),
        "database_user": database.user,
        "database_dbname": database.name,
        "topic_prefix": topic_prefix,
        "slot_name": topic_prefix.lower(),
        "slot_max_retries": "0",
        "errors_max_retries": "0",
        "key_converter": JSON,
        "value_converter": JSON,
    }
    worker.start()
    worker.put("first", **config)
    until(
        lambda: database.execute(
            "select 1 from pg_replication_slots where slot_name = %s and active", topic_prefix.lower()
        ),
        "the first connector streaming",
    )
    worker.put("second", **config)
    until(lambda: worker.states("second") == ["RUNNING", "FAILED"], "the second connector failing")
    assert "is active for PID" in worker.trace("second")
    assert worker.states("first") == ["RUNNING", "RUNNING"]


@pytest.mark.parametrize("name", ["a b", "slash/ed", "quote'd", "ünï", "50%"])
def test_a_connector_may_have_a_name_with_odd_characters(name, worker, source, topic_prefix, kafka):
    source.write_text("one\n")
    topic = f"{topic_prefix}.lines"
    worker.start()
    worker.put(name, connector_class="FileStreamSource", file=str(source), topic=topic)
    until(lambda: len(read_committed(kafka.url, topic)) == 1, f"the line; it printed:\n{worker.output}")
    assert worker.call("GET", "/connectors")[1] == [name]


def test_secrets_of_a_provider_take_effect_and_are_never_shown(kafka, topic_prefix, tmp_path, source, monkeypatch):
    monkeypatch.setenv("HIDDEN_TOPIC", f"{topic_prefix}.hidden")
    provider = "org.apache.kafka.common.config.provider.EnvVarConfigProvider"
    worker = Worker(
        tmp_path,
        kafka.url,
        f"{topic_prefix}.offsets",
        config_providers="env",
        config_providers_env_class=provider,
    )
    source.write_text("one\n")
    try:
        worker.start()
        worker.put("in", connector_class="FileStreamSource", file=str(source), topic="${env:HIDDEN_TOPIC}")
        until(lambda: len(read_committed(kafka.url, f"{topic_prefix}.hidden")) == 1, "the line")
        for path in ("", "/config", "/tasks", "/status"):
            status, answer = worker.call("GET", f"/connectors/in{path}")
            assert status == 200
            assert f"{topic_prefix}.hidden" not in json.dumps(answer)
        assert worker.call("GET", "/connectors/in/config")[1]["topic"] == "${env:HIDDEN_TOPIC}"
    finally:
        worker.kill()


class TestBadInput:
    @pytest.fixture(autouse=True)
    def started(self, worker):
        worker.start()

    def test_all_that_is_wrong_with_a_configuration_is_said_at_once(self, worker):
        config = {"connector.class": "FileStreamSource", "tasks.max": "none", "fille": "a.txt"}
        status, answer = worker.call("POST", "/connectors", {"name": "in", "config": config})
        assert status == 400
        for text in ("tasks.max", 'Missing required configuration "topic"', "Did you mean file?"):
            assert text in answer["message"]
        assert worker.call("GET", "/connectors")[1] == []

    def test_an_unknown_class_is_answered_with_the_nearest_one(self, worker):
        config = {"connector.class": "FileStremSource", "file": "a", "topic": "t"}
        status, answer = worker.call("POST", "/connectors", {"name": "in", "config": config})
        assert (status, answer["error_code"]) == (400, 400)
        assert "Did you mean org.apache.kafka.connect.file.FileStreamSourceConnector?" in answer["message"]

    @pytest.mark.parametrize("mode", ["sometimes", "custom", "when_neded"])
    def test_a_snapshot_mode_that_cannot_be_used_is_refused_with_a_sentence(self, worker, database, topic_prefix, mode):
        config = {
            **properties(database, "localhost:1", topic_prefix),
            "connector.class": "postgres",
            "snapshot.mode": mode,
        }
        status, answer = worker.call("POST", "/connectors", {"name": topic_prefix, "config": config})
        assert (status, answer["error_code"]) == (400, 400)
        assert "snapshot.mode" in answer["message"]
        assert mode in answer["message"]
        assert "initial" in answer["message"], "what may be said instead"
        assert worker.call("GET", "/connectors")[1] == []

    def test_malformed_json_is_answered_with_a_sentence(self, worker):
        status, answer = worker.call("POST", "/connectors", "{not json")
        assert status == 400
        assert "line 1" in answer["message"]

    def test_a_task_that_fails_says_why_and_the_worker_lives(self, worker, tmp_path, topic_prefix):
        unreadable = tmp_path / "folder"
        unreadable.mkdir()
        worker.put("in", connector_class="FileStreamSource", file=str(unreadable), topic=f"{topic_prefix}.t")
        until(lambda: worker.states("in") == ["RUNNING", "FAILED"], "failing")
        assert str(unreadable) in worker.trace("in")
        status, health = worker.call("GET", "/health")
        assert (status, health["status"]) == (503, "unhealthy")
        assert "in" in health["message"]
        assert worker.call("GET", "/health/live")[0] == 200


def test_a_listener_off_loopback_without_credentials_is_refused(kafka, topic_prefix, tmp_path):
    worker = Worker(tmp_path, kafka.url, f"{topic_prefix}.offsets", listeners="http://0.0.0.0:0")
    with pytest.raises(AssertionError):
        worker.start()
    assert worker.process.returncode == 2
    assert "rest.token" in worker.output
    assert "Traceback" not in worker.output


def test_connectors_of_files_run_from_the_start(kafka, topic_prefix, tmp_path, source):
    source.write_text("one\n")
    topic = f"{topic_prefix}.lines"
    file = tmp_path / "in.properties"
    file.write_text(f"name=in\nconnector.class=FileStreamSource\nfile={source}\ntopic={topic}\n")
    worker = Worker(tmp_path, kafka.url, f"{topic_prefix}.offsets", file)
    try:
        worker.start()
        until(lambda: len(read_committed(kafka.url, topic)) == 1, "the line")
        assert worker.stop() == 0
    finally:
        worker.kill()


HANGING = """
import asyncio

from cdc.config.definition import Definition


class HangingTask:
    async def start(self, context): ...

    async def poll(self):
        return None

    async def commit(self): ...

    async def stop(self):
        await asyncio.Event().wait()


class HangingConnector:
    version = "1"
    definition = Definition([])
    task = HangingTask

    async def validate(self, properties):
        return ()

    async def start(self, properties): ...

    async def task_configs(self, max_tasks):
        return [{}]

    async def alter_offsets(self, properties, offsets):
        return True

    async def stop(self): ...


cdc_plugins = [HangingConnector]
"""


def test_a_plugin_of_ones_own_runs_and_cannot_keep_the_worker_from_ending(kafka, topic_prefix, tmp_path):
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "hanging_plugin.py").write_text(HANGING)
    (plugins / "broken_plugin.py").write_text("cdc_plugins = []\nraise RuntimeError('broken on purpose')\n")
    worker = Worker(
        tmp_path,
        kafka.url,
        f"{topic_prefix}.offsets",
        plugin_path=str(plugins),
        task_shutdown_graceful_timeout_ms="500",
    )
    try:
        worker.start()
        assert "broken on purpose" in worker.output
        worker.put("hang", connector_class="Hanging")
        until(lambda: worker.states("hang") == ["RUNNING", "RUNNING"], "running")
        assert worker.stop() == 1
        assert "a task does not end; the worker ends without it" in worker.output
    finally:
        worker.kill()


def test_a_connector_waits_for_kafka_from_the_beginning(topic_prefix, tmp_path, source):
    source.write_text("one\n")
    topic = f"{topic_prefix}.lines"
    with KafkaServer() as server:
        worker = Worker(tmp_path, server.inner, f"{topic_prefix}.offsets")
        try:
            server.kill()
            worker.start()
            worker.put("in", connector_class="FileStreamSource", file=str(source), topic=topic)
            until(lambda: "Waiting until it works again" in worker.output, "waiting for Kafka")
            server.start()
            until(lambda: len(read_committed(server.inner, topic)) == 1, "the line", 60)
            assert worker.states("in") == ["RUNNING", "RUNNING"]
        finally:
            worker.kill()
