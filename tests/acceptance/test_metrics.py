"""What a worker tells Prometheus of real connectors, compared with what its client library reads and with the servers."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.connector import until
from tests.support.kafka_reader import read_committed
from tests.support.mysql_connector import mysql_properties
from tests.support.worker import JSON, Worker


@pytest.fixture
def worker(kafka, topic_prefix, tmp_path) -> Iterator[Worker]:
    worker = Worker(tmp_path, kafka.url, f"{topic_prefix}.offsets", offset_flush_interval_ms="200")
    worker.start()
    yield worker
    worker.kill()


class Scrape:
    """What `/metrics` answers, as Prometheus' own client library reads it."""

    def __init__(self, worker: Worker) -> None:
        with urllib.request.urlopen(f"{worker.url}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        families = text_string_to_metric_families(text)
        self._samples = [sample for family in families for sample in family.samples]

    def __call__(self, name: str, /, **labels: str) -> float | None:
        """Return the one value of a metric with these labels; None when there is none."""
        found = [each.value for each in self._samples if each.name == name and labels.items() <= each.labels.items()]
        assert len(found) <= 1, f"{name} {labels}: {found}"
        return found[0] if found else None


def test_a_database_that_is_captured_is_told_in_debeziums_words(worker, database, kafka, topic_prefix):
    database.execute("create table orders (id int primary key); insert into orders select generate_series(1, 250)")
    shop = f"{topic_prefix}-shop"  # the name is in the transactional id, which no other worker may have
    worker.put(
        shop,
        connector_class="postgres",
        database_hostname=database.host,
        database_port=str(database.port),
        database_user=database.user,
        database_dbname=database.name,
        topic_prefix=topic_prefix,
        slot_name=topic_prefix,
        publication_name=topic_prefix,
        publication_autocreate_mode="filtered",
        skipped_operations="none",
        key_converter=JSON,
        value_converter=JSON,
    )
    log = {"plugin": "postgres", "name": topic_prefix, "connector": shop, "task": "0"}

    def debezium(name: str, context: str) -> float | None:
        return Scrape(worker)(f"debezium_metrics_{name}", context=context, **log)

    until(lambda: debezium("SnapshotCompleted", "snapshot") == 1, f"the snapshot; {worker.output}")
    assert debezium("TotalNumberOfEventsSeen", "snapshot") == 250
    assert debezium("TotalTableCount", "snapshot") == 1
    assert debezium("RemainingTableCount", "snapshot") == 0
    assert Scrape(worker)("debezium_metrics_RowsScanned", context="snapshot", table="public.orders", **log) == 250
    for number in range(251, 254):
        database.execute("insert into orders values (%s)", number)
    until(lambda: debezium("TotalNumberOfEventsSeen", "streaming") == 3, "three changes")
    assert debezium("NumberOfCommittedTransactions", "streaming") == 3
    assert debezium("Connected", "streaming") == 1
    database.execute("update orders set id = 300 where id = 1; delete from orders where id = 2; truncate orders")
    until(lambda: Scrape(worker)("cdc_stream_truncates_total", connector=shop) == 1, "the truncate")
    counts = [debezium(f"TotalNumberOf{each}EventsSeen", "streaming") for each in ("Create", "Update", "Delete")]
    assert counts == [4, 0, 2], "a change of the key is a delete and a create"
    behind, since = (
        debezium("MilliSecondsBehindSource", "streaming"),
        debezium("MilliSecondsSinceLastEvent", "streaming"),
    )
    assert behind is not None
    assert since is not None
    assert 0 <= behind < 60_000
    assert 0 <= since < 60_000
    ((end,),) = database.execute("select (pg_current_wal_lsn() - '0/0')::bigint")
    position = debezium("SourceEventPosition", "streaming")
    assert position is not None
    assert end - 1_000_000 < position <= end
    until(lambda: Scrape(worker)("cdc_stream_retained_log_bytes", connector=shop), "a look at the slot")
    assert Scrape(worker)("cdc_stream_retained_log_status", connector=shop, status="reserved") == 1
    found = Scrape(worker)
    written = len(read_committed(kafka.url, f"{topic_prefix}.public.orders"))
    assert found("kafka_connect_source_task_source_record_write_total", connector=shop, task="0") == written == 259
    assert found("kafka_connect_source_task_source_record_active_count", connector=shop) == 0
    assert found("kafka_connect_worker_task_startup_success_total") == 1


def test_the_schema_history_of_mysql_is_told_in_debeziums_words(worker, mysql_database, kafka, topic_prefix):
    mysql_database.execute("create table orders (id int primary key); insert into orders values (1)")
    given = mysql_properties(mysql_database, kafka.url, topic_prefix)
    worker.put(topic_prefix, **{name.replace(".", "_"): text for name, text in given.items() if name != "name"})
    log = {"plugin": "mysql", "name": topic_prefix, "context": "schema-history", "connector": topic_prefix, "task": "0"}
    running = {"status": "RUNNING", **log}
    until(lambda: Scrape(worker)("debezium_metrics_Status", **running) == 1, f"the source; {worker.output}")
    snapshot = {**log, "context": "snapshot"}
    until(lambda: Scrape(worker)("debezium_metrics_SnapshotCompleted", **snapshot) == 1, "the snapshot")
    applied = Scrape(worker)("debezium_metrics_ChangesApplied", **log)
    assert applied
    worker.call("POST", f"/connectors/{topic_prefix}/restart?includeTasks=true")
    until(lambda: Scrape(worker)("debezium_metrics_ChangesRecovered", **log), "the recovery of the definitions")
    found = Scrape(worker)
    assert (found("debezium_metrics_ChangesRecovered", **log) or 0) >= applied
    assert found("debezium_metrics_RecoveryStartTime", **log) == pytest.approx(time.time(), abs=60)
    assert found("debezium_metrics_MilliSecondsSinceLastRecoveredChange", **log) == pytest.approx(0, abs=60_000)


def test_files_that_are_copied_are_told_in_connects_words(worker, tmp_path, topic_prefix):
    source, sink = tmp_path / "in.txt", tmp_path / "out.txt"
    reading, writing = f"{topic_prefix}-in", f"{topic_prefix}-out"
    source.write_text("".join(f"line {number}\n" for number in range(40)))
    worker.put(reading, connector_class="FileStreamSource", file=str(source), topic=topic_prefix)
    worker.put(writing, connector_class="FileStreamSink", file=str(sink), topics=topic_prefix)
    copied = {"connector": writing, "task": "0"}
    until(lambda: Scrape(worker)("kafka_connect_sink_task_sink_record_active_count", **copied) == 0, "a commit")
    until(lambda: Scrape(worker)("kafka_connect_sink_task_sink_record_send_total", **copied) == 40, worker.output)
    found = Scrape(worker)
    assert found("kafka_connect_source_task_source_record_write_total", connector=reading, task="0") == 40
    assert found("kafka_connect_sink_task_partition_count", **copied) == 1
    assert found("kafka_connect_worker_connector_count") == 2
    assert found("kafka_connect_worker_connector_running_task_count", connector=reading) == 1
    assert found("kafka_connect_connector_task_status", status="running", **copied) == 1
    assert found("kafka_connect_connector_connector_type", connector=writing, connector_type="sink") == 1
    until(lambda: (Scrape(worker)("kafka_connect_sink_task_offset_commit_completion_total", **copied) or 0) > 0, "it")
    worker.call("PUT", f"/connectors/{writing}/pause")
    until(lambda: worker.states(writing) == ["PAUSED", "PAUSED"], "the pause")
    assert worker.call("GET", "/health")[0] == 200


def test_a_task_that_has_failed_makes_the_worker_unhealthy_until_it_is_gone(worker, tmp_path, topic_prefix):
    assert worker.call("GET", "/health")[0] == 200
    (tmp_path / "folder").mkdir()
    worker.put(topic_prefix, connector_class="FileStreamSource", file=str(tmp_path / "folder"), topic=topic_prefix)
    until(lambda: worker.states(topic_prefix)[-1] == "FAILED", f"the failure; {worker.output}")
    status, body = worker.call("GET", "/health")
    assert (status, body["status"]) == (503, "unhealthy")
    assert body["message"].startswith(f"Task 0 of connector {topic_prefix} is FAILED: ")
    assert worker.call("GET", "/health/live")[0] == 200
    assert Scrape(worker)("kafka_connect_worker_connector_failed_task_count", connector=topic_prefix) == 1
    assert worker.call("DELETE", f"/connectors/{topic_prefix}")[0] == 204
    assert worker.call("GET", "/health")[0] == 200
