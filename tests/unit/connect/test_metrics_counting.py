"""What source and sink tasks and their error policy count, and what they say when something is in their way."""

from __future__ import annotations

from contextlib import suppress

import pytest

from cdc.connect.herder import TaskId
from cdc.connect.metrics.startups import CountedWork
from cdc.connect.tolerance import ErrorSettings, RecordFailed, SourceOrigin, Stage, StageFailed, Tolerance
from cdc.errors import ConversionError, KafkaUnavailable, SinkError, SourceLost
from cdc.metrics.counters import Attempts
from cdc.pipeline.status import PipelineStatus, State
from cdc.sinks.base import RetryLater
from tests.unit.connect.sink_bench import A, LeaveOut, records
from tests.unit.connect.sink_bench import Stage as Theatre
from tests.unit.connect.source_bench import SourceBench, record
from tests.unit.pipeline.virtual_time import virtual

ORIGIN = SourceOrigin("public.customers", '{"id":7}', "lsn 0/16B3748")


@virtual
async def test_a_source_task_counts_what_it_polls_and_what_is_in_kafka():
    def leave_out_two(found):
        return None if found.value == "2" else found

    bench = SourceBench([record("1", 1), record("2", 2), record("3", 3)], [record("4", 4)], transform=leave_out_two)
    await bench.run()
    counts = bench.status.counts
    assert (counts.source.polled.total, counts.source.written.total, counts.source.active) == (4, 3, 0)
    assert (counts.batch_sizes.count, counts.batch_sizes.maximum) == (2, 3)
    assert (counts.commit_seconds.count, bench.status.commits, bench.status.pending_since) == (2, 2, None)
    assert (bench.status.state, bench.status.up) == (State.STREAMING, True)


@virtual
async def test_records_whose_commit_failed_stay_pending_and_are_no_success():
    bench = SourceBench([record("1", 1)])
    bench.publisher.failure = KafkaUnavailable("the broker is gone")
    with pytest.raises(KafkaUnavailable):
        await bench.run()
    counts = bench.status.counts
    assert (counts.source.active, counts.source.written.total, counts.commit_seconds.count) == (1, 0, 0)
    assert bench.status.pending_since == 0


@virtual
async def test_an_idle_source_task_waits_for_nothing_any_more():
    bench = SourceBench([])
    bench.status.wait("the broker is gone", 0)
    await bench.run(1)
    assert (bench.status.state, bench.status.waiting_since) == (State.STREAMING, None)


async def test_a_sink_task_counts_what_it_reads_and_what_it_is_given():
    status = PipelineStatus()
    stage = Theatre(steps=[(LeaveOut(), None, False)], status=status)
    stage.log[A] += records(b"1", b"skip", b"3")
    async with stage.running(A):
        await stage.until(lambda: stage.sink.values)
        await stage.until(lambda: status.counts.sink.active == 3)
        assert (status.counts.sink.read.total, status.counts.sink.sent.total) == (3, 2)
        assert (status.counts.sink.partitions, status.state, status.up) == (1, State.STREAMING, True)
        await stage.until(lambda: stage.consumer.commits)
        await stage.until(lambda: status.counts.sink.active == 0)
    assert (status.counts.commit_seconds.count, status.counts.batch_sizes.maximum) == (1, 2)


async def test_a_sink_that_cannot_take_records_waits_until_it_has_taken_them():
    status = PipelineStatus()
    stage = Theatre(status=status)
    stage.log[A] += records(b"1")
    seen = []

    async def refuse(_):
        seen.append((status.state, status.problem, status.pending_since is not None))
        if len(seen) < 3:
            raise RetryLater("the table is locked")

    stage.sink.on_put = refuse
    async with stage.running(A):
        await stage.until(lambda: stage.sink.values)
        await stage.until(lambda: status.waiting_since is None)
    assert seen == [
        (State.STREAMING, "", True),
        (State.WAITING, "the table is locked", True),
        (State.WAITING, "the table is locked", True),
    ]
    assert status.problem == ""


async def test_a_sink_whose_commit_fails_waits_until_one_succeeds():
    status = PipelineStatus()
    stage = Theatre(status=status)
    stage.log[A] += records(b"1")
    stage.consumer.commit_errors.append(SinkError("the group is rebalancing"))
    async with stage.running(A):
        await stage.until(lambda: status.state is State.WAITING)
        assert status.problem == "the group is rebalancing"
        stage.log[A] += records(b"2", first=1)
        await stage.until(lambda: len(stage.sink.values) == 2)
        assert status.waiting_since is not None
        await stage.until(lambda: stage.consumer.commits)
        await stage.until(lambda: status.state is State.STREAMING)
    assert status.counts.failed_commits == 1


def policy(**settings):
    return Tolerance(
        ErrorSettings(**settings), TaskId("shop", 0), clock=lambda: 0.0, sleep=sleep, now_ms=lambda: 1_700_000_000_000
    )


async def sleep(_):
    pass


def failing(times, error):
    left = iter([error] * times)

    def operation():
        for each in left:
            raise each
        return "done"

    return operation


async def test_each_attempt_that_fails_and_each_retry_is_counted():
    found = policy(retry_timeout=None)
    await found.attempt(Stage.TRANSFORMATION, str, failing(3, KafkaUnavailable("gone")))
    counts = found.counts
    assert (counts.failures, counts.retries, counts.errors, counts.skipped, counts.last_ms) == (3, 3, 0, 0, None)


async def test_a_record_that_is_given_up_is_an_error_that_was_skipped():
    kept = []

    async def report(failed):
        kept.append(failed)

    found = policy(tolerate=True, log=True, dead_letter_topic="dead")
    with pytest.raises(StageFailed) as caught:
        await found.attempt(Stage.VALUE_CONVERTER, str, failing(1, ConversionError("no JSON")))
    await found.give_up(caught.value, ORIGIN, report)
    counts = found.counts
    assert (counts.failures, counts.errors, counts.skipped, counts.logged) == (1, 1, 1, 1)
    assert (counts.dead_letters, counts.dead_letter_failures) == (1, 0)
    assert (counts.last_ms, len(kept)) == (1_700_000_000_000, 1)


async def test_a_record_that_ends_the_task_is_an_error_that_was_not_skipped():
    found = policy()
    failed = StageFailed(Stage.TASK_PUT, str, ConversionError("too long"))
    with pytest.raises(RecordFailed):
        await found.give_up(failed, ORIGIN)
    assert (found.counts.failures, found.counts.errors, found.counts.skipped) == (1, 1, 0)


async def test_a_dead_letter_that_cannot_be_written_is_counted():
    async def report(_):
        raise SinkError("the topic is gone")

    found = policy(tolerate=True, dead_letter_topic="dead")
    with pytest.raises(SinkError):
        await found.give_up(StageFailed(Stage.VALUE_CONVERTER, str, ConversionError("no JSON")), ORIGIN, report)
    assert (found.counts.dead_letters, found.counts.dead_letter_failures) == (1, 1)


class Work:
    def __init__(self, *, comes_up, failure=None):
        self.topics = set()
        self.status = PipelineStatus()
        self.comes_up, self.failure = comes_up, failure

    async def run(self):
        if self.comes_up:
            self.status.come_up()
            self.status.come_up()
        if self.failure is not None:
            raise self.failure


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        (Work(comes_up=True), (1, 1, 0)),
        (Work(comes_up=True, failure=SourceLost("gone")), (1, 1, 0)),
        (Work(comes_up=False, failure=SourceLost("gone")), (1, 0, 1)),
        (Work(comes_up=False), (1, 0, 0)),
    ],
)
async def test_a_start_has_succeeded_once_it_came_up_and_failed_when_it_ended_before(work, expected):
    attempts = Attempts()
    counted = CountedWork(lambda: work, attempts)
    with suppress(SourceLost):
        await counted.run()
    assert (attempts.total, attempts.succeeded, attempts.failed) == expected


def test_work_that_cannot_be_made_is_a_failed_start():
    def refuse():
        raise SourceLost("gone")

    attempts = Attempts()
    with pytest.raises(SourceLost):
        CountedWork(refuse, attempts)
    assert (attempts.total, attempts.succeeded, attempts.failed) == (1, 0, 1)
