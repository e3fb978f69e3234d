"""Three workers that are one cluster, with real connectors, over their REST APIs."""

from __future__ import annotations

import time
from functools import partial

import pytest

from tests.support.connector import until
from tests.support.kafka_reader import read_committed
from tests.support.worker import JSON, ClusterWorker

#: The shortest that a broker allows.
SESSION_SECONDS = 6
#: Within this time after it, the tasks of a lost worker run elsewhere.
GRACE_SECONDS = 5


@pytest.fixture
def workers(kafka, topic_prefix, tmp_path):
    (tmp_path / "secrets").write_text("file=" + str(tmp_path / "in.txt") + "\n")
    workers = [
        ClusterWorker(
            tmp_path,
            kafka.url,
            topic_prefix,
            number,
            session_timeout_ms=str(SESSION_SECONDS * 1000),
            heartbeat_interval_ms="500",
            offset_flush_interval_ms="200",
            consumer_session_timeout_ms="6000",
            config_providers="vault",
            config_providers_vault_class="FileConfigProvider",
        )
        for number in range(3)
    ]
    for worker in workers:
        worker.launch()
    for worker in workers:
        worker.wait()
    yield workers
    for worker in workers:
        worker.kill()


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def append(path, *numbers):
    with path.open("a") as file:
        file.writelines(f"line {number}\n" for number in numbers)


def where(worker, name):
    """Return the workers of a connector's tasks that run, as one worker tells."""
    tasks = worker.call("GET", f"/connectors/{name}/status")[1].get("tasks", [])  # a worker may not know it yet
    return [task["worker_id"] for task in tasks if task["state"] == "RUNNING"]


def address(worker):
    return worker.url.removeprefix("http://")


def runs(name, worker, *others):
    """Wait until every task of a connector runs, on one of the workers, and all of these tell so."""
    known = {address(worker), *map(address, others)}

    def told(by):
        found = where(by, name)
        return bool(found) and {*found} <= known

    for each in (worker, *others):
        until(partial(told, each), f"{name} running")


def answers(worker, path, wanted):
    return worker.call("GET", path)[1] == wanted


def stands(worker, state):
    return worker.states("in")[0] == state


def knows_no_more(worker):
    return worker.call("GET", "/connectors/in/status")[0] == 404


def copy(workers, folder, topic):
    """Have a file copied into another by way of a topic; the file's name is a secret."""
    path = f"${{vault:{folder / 'secrets'}:file}}"
    workers[0].put("in", connector_class="FileStreamSource", file=path, topic=topic)
    workers[1].put("out", connector_class="FileStreamSink", file=str(folder / "out.txt"), topics=topic)
    runs("in", *workers)
    runs("out", *workers)


def test_the_tasks_of_a_killed_worker_run_elsewhere_and_nothing_is_lost_or_doubled(
    workers, database, kafka, topic_prefix, tmp_path
):
    topic = f"{topic_prefix}.lines"
    database.execute("create table orders (id int primary key); insert into orders values (0)")
    append(tmp_path / "in.txt", *range(100))
    copy(workers, tmp_path, topic)
    workers[2].put(
        "shop",
        connector_class="io.debezium.connector.postgresql.PostgresConnector",
        database_hostname=database.host,
        database_port=str(database.port),
        database_user=database.user,
        database_dbname=database.name,
        topic_prefix=topic_prefix,
        slot_name=f"slot_{topic_prefix}",
        publication_name=f"pub_{topic_prefix}",
        key_converter=JSON,
        value_converter=JSON,
        value_converter_schemas_enable="false",
    )
    runs("shop", *workers)
    until(lambda: lines(tmp_path / "out.txt")[-1:] == ["line 99"], "the lines so far")
    until(lambda: read_committed(kafka.url, f"{topic_prefix}.public.orders"), "the snapshot")
    victim = next(worker for worker in workers if address(worker) in where(workers[0], "shop"))
    left = [worker for worker in workers if worker is not victim]
    victim.kill()
    killed = time.monotonic()
    append(tmp_path / "in.txt", *range(100, 200))
    database.execute("insert into orders select generate_series(1, 100)")
    for name in ("shop", "in", "out"):
        runs(name, *left)
    assert time.monotonic() - killed < SESSION_SECONDS + GRACE_SECONDS
    until(lambda: lines(tmp_path / "out.txt")[-1:] == ["line 199"], "the lines since")
    until(lambda: len(read_committed(kafka.url, f"{topic_prefix}.public.orders")) >= 101, "the rows since")
    assert len(read_committed(kafka.url, f"{topic_prefix}.public.orders")) == 101
    assert lines(tmp_path / "out.txt") == [f"line {number}" for number in range(200)]
    for worker in left:
        assert worker.stop() == 0
        assert "Traceback" not in worker.output


def test_a_worker_that_was_paused_writes_nothing_more_and_comes_back(workers, kafka, topic_prefix, tmp_path):
    topic = f"{topic_prefix}.lines"
    append(tmp_path / "in.txt", *range(100))
    copy(workers, tmp_path, topic)
    until(lambda: lines(tmp_path / "out.txt")[-1:] == ["line 99"], "the lines so far")
    zombie = next(worker for worker in workers if address(worker) in where(workers[0], "in"))
    left = [worker for worker in workers if worker is not zombie]
    zombie.suspend()
    append(tmp_path / "in.txt", *range(100, 200))
    runs("in", *left)
    until(lambda: len(read_committed(kafka.url, topic)) >= 200, "the lines since")
    zombie.resume()
    until(lambda: "silent for too long" in zombie.output, "that it has noticed")
    append(tmp_path / "in.txt", *range(200, 300))
    runs("in", *workers)
    runs("out", *workers)
    until(lambda: lines(tmp_path / "out.txt")[-1:] == ["line 299"], "all lines")
    expected = [f"line {number}" for number in range(300)]
    assert lines(tmp_path / "out.txt") == expected
    assert [(record.value or b"").decode() for record in read_committed(kafka.url, topic)] == expected


def test_any_worker_answers_and_no_secret_is_told_or_stored(workers, kafka, topic_prefix, tmp_path):
    append(tmp_path / "in.txt", 0)
    copy(workers, tmp_path, f"{topic_prefix}.lines")
    until(lambda: lines(tmp_path / "out.txt") == ["line 0"], "the line")
    secret = str(tmp_path / "in.txt")
    for worker in workers:
        assert worker.call("GET", "/connectors")[1] == ["in", "out"]
        assert worker.call("GET", "/connectors/in")[1]["tasks"] == [{"connector": "in", "task": 0}]
        assert secret not in str(worker.call("GET", "/connectors?expand=info&expand=status")[1])
        assert secret not in str(worker.call("GET", "/connectors/in/tasks")[1])
        topics = {"in": {"topics": [f"{topic_prefix}.lines"]}}
        until(partial(answers, worker, "/connectors/in/topics", topics), "the topic of the source")
        assert secret not in worker.output
    stored = read_committed(kafka.url, f"{topic_prefix}.configs")
    assert {record.key for record in stored} >= {b"connector-in", b"task-in-0", b"commit-in", b"tasks-fencing-in"}
    assert not any(secret.encode() in (record.value or b"") for record in stored)
    for number, (path, state) in enumerate((("pause", "PAUSED"), ("resume", "RUNNING"), ("stop", "STOPPED"))):
        assert workers[number].call("PUT", f"/connectors/in/{path}")[0] in {202, 204}
        for worker in workers:
            until(partial(stands, worker, state), state)
    offset = workers[0].call("GET", "/connectors/in/offsets")[1]
    assert len(offset["offsets"]) == 1
    until(lambda: workers[1].call("DELETE", "/connectors/in/offsets")[0] == 200, "that offsets can be removed")
    assert workers[2].call("GET", "/connectors/in/offsets")[1] == {"offsets": []}
    assert workers[2].call("PUT", "/connectors/in/resume")[0] == 202
    until(lambda: lines(tmp_path / "out.txt") == ["line 0", "line 0"], "the line once more")
    assert workers[0].call("POST", "/connectors/in/restart?includeTasks=true")[0] == 202
    assert workers[1].call("DELETE", "/connectors/in")[0] == 204
    for worker in workers:
        until(partial(knows_no_more, worker), "that it is gone")


def test_the_level_of_a_logger_is_set_on_all_workers_whichever_is_asked(workers):
    for worker, level in zip(workers, ("DEBUG", "ERROR", "TRACE"), strict=True):
        assert worker.call("PUT", "/admin/loggers/cdc.connect?scope=cluster", {"level": level}) == (204, None)
        for each in workers:
            until(partial(has_level, each, level), f"the level of {each.url}")


def has_level(worker, level):
    status, answer = worker.call("GET", "/admin/loggers/cdc.connect")
    return status == 200 and answer["level"] == level
