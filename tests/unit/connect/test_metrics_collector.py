"""The metrics of a worker, asked for as dashboards of Strimzi and Debezium do."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cdc.connect.herder import ConnectorType, InstanceStatus, State
from cdc.connect.metrics.collector import GROUPS, WorkerMetrics
from cdc.connect.metrics.watched import Rebalances, RunningConnector
from cdc.connect.task_run import TaskRun
from cdc.metrics.counters import HistoryCounts, Startups
from cdc.metrics.exposition import exposition
from cdc.pipeline.status import PipelineStatus, SnapshotCounts, Tally
from cdc.pipeline.status import State as Doing
from cdc.snapshot.progress import SnapshotProgress
from cdc.sources.base import Retention

WORKER = "worker:8083"
SHOP, COPY = {"connector": "shop", "task": "0"}, {"connector": "copy", "task": "1"}
STREAM = {"plugin": "postgres", "name": "prefix", "context": "streaming"}
SNAPSHOT = {**STREAM, "context": "snapshot"}


class Position:
    def offset(self):
        return {"lsn": 23_876_168, "txId": 745, "snapshot": "INITIAL"}


def run(status, state=State.RUNNING):
    task = TaskRun("t", "1", WORKER, lambda: work, state)
    work = SimpleNamespace(status=status, topics=set())
    task._work = work if status is not None else None
    return task


class Herder:
    """Shows a database that is captured, and a sink with three tasks: one runs, one has failed, one was never started."""

    def __init__(self) -> None:
        self.log = PipelineStatus(
            plugin="postgres", source=SimpleNamespace(partition={"server": "prefix"}, lag=4096, retention=None)
        )
        self.sink = PipelineStatus()
        self.up = Startups()

    def runs(self):
        own = InstanceStatus(State.RUNNING, WORKER, "3.1")
        sinks = {0: run(PipelineStatus(), State.FAILED), 1: run(self.sink), 4: run(None, State.UNASSIGNED)}
        return {
            "shop": RunningConnector(ConnectorType.SOURCE, "postgres", own, {0: run(self.log)}),
            "copy": RunningConnector(ConnectorType.SINK, "FileStreamSink", None, sinks),
        }

    def startups(self):
        return self.up


class ClusterHerder(Herder):
    def rebalances(self):
        return Rebalances("http://leader:8083/", 7, 3, rebalancing=False, since=1.5)


class Scrape:
    def __init__(self, herder, now=100.0) -> None:
        text = exposition(WorkerMetrics(herder, clock=lambda: now), "")[0].decode()
        self.samples = [each for family in text_string_to_metric_families(text) for each in family.samples]
        self.names = {each.name for each in self.samples}

    def __call__(self, name, /, **labels):
        found = [each.value for each in self.samples if each.name == name and labels.items() <= each.labels.items()]
        assert len(found) <= 1, found
        return found[0] if found else None


@pytest.fixture
def herder():
    return Herder()


def test_a_herder_that_shows_nothing_leaves_the_metrics_of_the_process():
    names = Scrape(object()).names
    assert "process_resident_memory_bytes" in names
    assert not any(name.startswith(("kafka_", "debezium_")) for name in names)


def test_a_worker_counts_connectors_and_tasks_by_state(herder):
    with herder.up.connectors.attempt():
        herder.up.tasks.total += 4
    found = Scrape(herder)
    assert (found("kafka_connect_worker_connector_count"), found("kafka_connect_worker_task_count")) == (1, 4)
    assert found("kafka_connect_worker_connector_startup_success_total") == 1
    assert found("kafka_connect_worker_task_startup_attempts_total") == 4
    counts = {
        state: found(f"kafka_connect_worker_connector_{state}_task_count", connector="copy")
        for state in ("total", "running", "failed", "unassigned", "paused")
    }
    assert counts == {"total": 3, "running": 1, "failed": 1, "unassigned": 1, "paused": 0}


def test_a_connector_is_described_by_the_worker_that_runs_it_itself(herder):
    found = Scrape(herder)
    assert found("kafka_connect_connector_status", connector="shop", status="running") == 1
    assert found("kafka_connect_connector_connector_class", connector="shop", connector_class="postgres") == 1
    assert found("kafka_connect_connector_connector_type", connector="shop", connector_type="source") == 1
    assert found("kafka_connect_connector_connector_version", connector="shop", connector_version="3.1") == 1
    assert found("kafka_connect_connector_status", connector="copy") is None


def test_each_task_has_its_state_also_when_it_was_never_started(herder):
    found = Scrape(herder)
    states = {
        (each.labels["connector"], each.labels["task"]): each.labels["status"]
        for each in found.samples
        if each.name == "kafka_connect_connector_task_status"
    }
    assert states == {
        ("shop", "0"): "running",
        ("copy", "0"): "failed",
        ("copy", "1"): "running",
        ("copy", "4"): "unassigned",
    }
    assert found("kafka_connect_task_error_total_record_failures", connector="copy", task="4") is None


def test_a_source_has_what_it_read_and_wrote_and_a_sink_has_not(herder):
    herder.log.start(0)
    herder.log.read(10, 40, 0.25)
    herder.log.commit(Tally(40, rows=10, records=9), 50, 0.002)
    herder.log.read(4, 60, 0.75)
    found = Scrape(herder)
    assert found("kafka_connect_source_task_source_record_poll_total", **SHOP) == 14
    assert found("kafka_connect_source_task_source_record_write_total", **SHOP) == 9
    assert found("kafka_connect_source_task_source_record_write_rate", **SHOP) == pytest.approx(9 / 50)
    assert found("kafka_connect_source_task_source_record_active_count", **SHOP) == 4
    assert found("kafka_connect_source_task_poll_batch_avg_time_ms", **SHOP) == 500
    assert found("kafka_connect_source_task_poll_batch_max_time_ms", **SHOP) == 750
    assert found("kafka_connect_source_task_transaction_size_avg", **SHOP) == 9
    assert found("kafka_connect_connector_task_offset_commit_max_time_ms", **SHOP) == 2
    assert found("kafka_connect_connector_task_batch_size_avg", **SHOP) == 7
    assert found("kafka_connect_connector_task_offset_commit_success_percentage", **SHOP) is None
    assert found("kafka_connect_source_task_source_record_poll_total", connector="copy") is None


def test_a_sink_has_what_it_read_and_was_given_and_a_source_has_not(herder):
    counts = herder.sink.counts
    counts.sink.read.add(20, 90)
    counts.sink.sent.add(18, 90)
    counts.sink.put_seconds.add(0.5)
    counts.sink.active, counts.sink.partitions = 6, 2
    counts.commit_seconds.add(0.1)
    counts.failed_commits = 3
    counts.errors.skipped, counts.errors.last_ms = 2, 1_700_000_000_000
    found = Scrape(herder)
    assert found("kafka_connect_sink_task_sink_record_read_total", **COPY) == 20
    assert found("kafka_connect_sink_task_sink_record_read_rate", **COPY) == 2
    assert found("kafka_connect_sink_task_sink_record_send_total", **COPY) == 18
    assert found("kafka_connect_sink_task_sink_record_active_count", **COPY) == 6
    assert found("kafka_connect_sink_task_partition_count", **COPY) == 2
    assert found("kafka_connect_sink_task_put_batch_max_time_ms", **COPY) == 500
    assert found("kafka_connect_sink_task_offset_commit_completion_total", **COPY) == 1
    assert found("kafka_connect_connector_task_offset_commit_failure_percentage", **COPY) == 0.75
    assert found("kafka_connect_task_error_total_records_skipped", **COPY) == 2
    assert found("kafka_connect_task_error_last_error_timestamp", **COPY) == 1_700_000_000_000
    assert found("kafka_connect_sink_task_sink_record_read_total", connector="shop") is None


def test_what_is_not_known_yet_is_left_out(herder):
    found = Scrape(herder)
    for name in (
        "kafka_connect_connector_task_batch_size_avg",
        "kafka_connect_source_task_source_record_write_rate",
        "kafka_connect_task_error_last_error_timestamp",
        "debezium_metrics_MilliSecondsSinceLastEvent",
        "debezium_metrics_MilliSecondsBehindSource",
        "debezium_metrics_LastTransactionId",
        "debezium_metrics_TotalTableCount",
        "debezium_metrics_SnapshotDurationInSeconds",
        "debezium_metrics_RowsScanned",
        "cdc_stream_source_lag_bytes",
        "cdc_stream_retained_log_bytes",
    ):
        assert name not in found.names


def test_a_stream_is_told_in_debeziums_words(herder):
    status = herder.log
    status.start(10)
    seen = Counter({"c": 2, "u": 1, "d": 1, "": 1, "t": 4})
    status.commit(Tally(20, rows=5, records=5, transactions=2, operations=seen), 99, 0.1)
    status.position, status.behind_ms, status.queued = Position(), 12.5, lambda: 1
    found = Scrape(herder)
    assert found("debezium_metrics_Connected", **STREAM) == 1
    assert found("debezium_metrics_TotalNumberOfEventsSeen", **STREAM) == 5
    assert found("debezium_metrics_TotalNumberOfEventsSeen", **SNAPSHOT) == 0
    assert found("debezium_metrics_TotalNumberOfCreateEventsSeen", **STREAM) == 2
    assert found("debezium_metrics_TotalNumberOfUpdateEventsSeen", **STREAM) == 1
    assert found("debezium_metrics_TotalNumberOfDeleteEventsSeen", **STREAM) == 1
    assert found("cdc_stream_truncates_total", **SHOP) == 4
    assert found("cdc_stream_truncates_total", **COPY) is None
    assert found("debezium_metrics_MilliSecondsSinceLastEvent", **STREAM) == 1000
    assert found("debezium_metrics_MilliSecondsBehindSource", **STREAM) == 12.5
    assert found("debezium_metrics_NumberOfCommittedTransactions", **STREAM) == 2
    assert found("debezium_metrics_LastTransactionId", **STREAM) == 745
    assert found("debezium_metrics_SourceEventPosition", **STREAM) == 23_876_168
    assert found("debezium_metrics_QueueTotalCapacity", **STREAM) == 2
    assert found("debezium_metrics_QueueRemainingCapacity", **STREAM) == 1
    assert found("cdc_stream_source_lag_bytes", **SHOP) == 4096


def test_a_snapshot_is_told_while_it_runs_when_it_is_over_and_when_it_is_broken_off(herder):
    status = herder.log
    status.start(10, snapshot=True)
    status.snapshot.progress = SnapshotProgress("s.t", 5, 10, 1, 3, 25)

    def told(*names):
        found = Scrape(herder)
        return [found(f"debezium_metrics_{name}", **SNAPSHOT) for name in names]

    states = ("SnapshotRunning", "SnapshotCompleted", "SnapshotAborted")
    rest = ("TotalTableCount", "RemainingTableCount", "SnapshotDurationInSeconds")
    assert told(*states, *rest) == [1, 0, 0, 3, 2, 90]
    status.snapshot.progress = SnapshotProgress("s.t", 5, 10, 1, 3, 25, {"s.a": 20, "s.t": 5})
    found = Scrape(herder)
    assert found("debezium_metrics_RowsScanned", table="s.a", **SNAPSHOT) == 20
    assert found("debezium_metrics_RowsScanned", table="s.t", **SNAPSHOT) == 5
    status.wait("gone", 50)
    assert told(*states, *rest) == [0, 0, 1, 3, 2, None]
    status.start(60, snapshot=True)
    status.snapshot.progress = SnapshotProgress("s.u", 5, 10, 2, 3, 25)
    status.end_snapshot(80)
    assert told(*states, *rest) == [0, 1, 0, 3, 0, 20]
    status.snapshot = SnapshotCounts()
    assert told(*states) == [0, 0, 0]


def test_what_the_server_keeps_for_a_stream_is_told_and_its_bound_where_there_is_one(herder):
    herder.log.source.retention = Retention(7_000_000, None, "reserved")
    found = Scrape(herder)
    assert found("cdc_stream_retained_log_bytes", **SHOP) == 7_000_000
    assert found("cdc_stream_safe_log_bytes", **SHOP) is None
    assert found("cdc_stream_retained_log_status", status="reserved", **SHOP) == 1
    herder.log.source.retention = Retention(7_000_000, 500, "extended")
    assert Scrape(herder)("cdc_stream_safe_log_bytes", **SHOP) == 500


def test_a_stream_that_waits_is_not_connected_and_says_since_when(herder):
    herder.log.wait("the server is gone", 60)
    herder.log.restarts = 4
    found = Scrape(herder)
    assert herder.log.state is Doing.WAITING
    assert found("debezium_metrics_Connected", **STREAM) == 0
    assert found("cdc_stream_task_waiting_seconds", **SHOP) == 40
    assert found("cdc_stream_task_restarts_total", **SHOP) == 4
    assert found("cdc_stream_task_waiting_seconds", **COPY) == 0


def test_only_a_member_of_a_group_tells_of_rebalances(herder):
    assert not any("rebalance" in name or "coordinator" in name for name in Scrape(herder).names)
    found = Scrape(ClusterHerder())
    prefix = "kafka_connect_worker_rebalance_"
    assert found(f"{prefix}leader_name", leader_name="http://leader:8083/") == 1
    assert found(f"{prefix}epoch") == 7
    assert found(f"{prefix}completed_rebalances_total") == 3
    assert found(f"{prefix}rebalancing") == 0
    assert found(f"{prefix}time_since_last_rebalance_ms") == 1500
    assert found("kafka_connect_coordinator_assigned_connectors") == 1
    assert found("kafka_connect_coordinator_assigned_tasks") == 4


def test_a_source_without_a_schema_history_has_no_figures_of_one(herder):
    found = Scrape(herder)
    assert not [each for each in found.samples if each.labels.get("context") == "schema-history"]


def test_the_schema_history_is_told_in_debeziums_words(herder):
    counts = HistoryCounts()
    herder.log.source = SimpleNamespace(partition={"server": "prefix"}, lag=None, history_counts=counts)
    herder.log.plugin = "mysql"
    history = {"plugin": "mysql", "name": "prefix", "context": "schema-history", **SHOP}
    names = ("RecoveryStartTime", "ChangesRecovered", "ChangesApplied")
    since = ("MilliSecondsSinceLastRecoveredChange", "MilliSecondsSinceLastAppliedChange")

    def told():
        found = Scrape(herder)
        return [found(f"debezium_metrics_{name}", **history) for name in (*names, *since)]

    assert told() == [None, 0, 0, None, None]
    assert Scrape(herder)("debezium_metrics_Status", status="STOPPED", **history) == 1
    with counts.recovering(1_700_000_000):
        counts.recover(98)
        counts.recover(99)
        counts.apply(98.5)
        assert Scrape(herder)("debezium_metrics_Status", status="RECOVERING", **history) == 1
    assert told() == [1_700_000_000, 2, 1, 1000, 1500]
    assert Scrape(herder)("debezium_metrics_Status", status="RUNNING", **history) == 1


def test_every_name_is_in_one_table_but_those_of_both_contexts():
    names = [figure.name for group in GROUPS for figure in group.figures]
    twice = {name for name in names if names.count(name) > 1}
    assert twice == {"debezium_metrics_TotalNumberOfEventsSeen", "debezium_metrics_MilliSecondsSinceLastEvent"}


async def test_a_task_that_runs_shows_what_it_counts_and_keeps_it_when_it_has_ended():
    status = PipelineStatus()

    class Work:
        topics: frozenset[str] = frozenset()

        def __init__(self) -> None:
            self.status = status

        async def run(self):
            await asyncio.Event().wait()

    task = TaskRun("t", "1", WORKER, Work)  # type: ignore[arg-type]
    assert run(None).progress is None
    async with asyncio.TaskGroup() as group:
        task.start(group)
        await asyncio.sleep(0)
        assert task.progress is status
        await task.stop()
    assert task.progress is status
    assert task.times.share(State.RUNNING) is not None


def test_every_metric_that_the_how_to_names_is_given():
    page = (Path(__file__).resolve().parents[3] / "docs" / "howto" / "watch.md").read_text()
    named = set(re.findall(r"\b(?:kafka_connect|debezium_metrics|cdc_stream)_\w+", page))
    assert len(named) > 5
    assert named <= {figure.name for group in GROUPS for figure in group.figures}
