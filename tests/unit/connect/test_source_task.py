"""A source task at work: what is published with which offsets, and in which order things happen."""

from __future__ import annotations

import pytest

from cdc.connect.source_task import OWNERSHIP_SECONDS
from cdc.connect.tolerance import RecordFailed
from cdc.errors import KafkaUnavailable
from tests.unit.connect.source_bench import SourceBench, record
from tests.unit.pipeline.virtual_time import virtual

A, B = {"filename": "a.txt"}, {"filename": "b.txt"}


@virtual
async def test_each_poll_is_one_transaction_with_the_newest_offset_of_each_partition():
    bench = SourceBench(
        [record("1", 1), record("2", 2)],
        [record("3", 9, source_partition=B), record("4", 3)],
        [record("5", 10, source_partition=B)],
    )
    await bench.run()
    assert bench.publisher.committed == [
        ([b"1", b"2"], [(A, {"position": 2})]),
        ([b"3", b"4"], [(A, {"position": 3}), (B, {"position": 9})]),
        ([b"5"], [(A, {"position": 3}), (B, {"position": 10})]),
    ]
    assert (bench.status.rows, bench.status.transactions, bench.status.topics) == (5, 3, {"t"})


@virtual
async def test_offsets_are_read_after_fencing_and_the_task_hears_of_a_commit_after_it():
    bench = SourceBench([record("1", 1)])
    await bench.run()
    assert bench.publisher.calls == [
        "start",
        "load",
        "task.start",
        "begin",
        "commit",
        "task.commit",
        "task.stop",
        "close",
    ]


@virtual
async def test_a_task_is_told_the_stored_offset_of_a_partition():
    bench = SourceBench(stored=[(B, {"position": 1}), (A, {"position": 5})])
    await bench.run()
    assert await bench.task.context.offset(A) == {"position": 5}
    assert await bench.task.context.offset({"filename": "c.txt"}) is None


@virtual
async def test_a_failed_commit_ends_the_run_and_the_task_hears_nothing_of_it():
    bench = SourceBench([record("1", 1)])
    bench.publisher.failure = KafkaUnavailable("the broker is gone")
    with pytest.raises(KafkaUnavailable):
        await bench.run()
    assert bench.publisher.calls[-2:] == ["task.stop", "close"]
    assert "task.commit" not in bench.publisher.calls


@virtual
async def test_a_record_that_cannot_be_converted_stops_all_of_its_poll():
    bench = SourceBench([record("1", 1), record(2, 2)])
    with pytest.raises(
        RecordFailed, match=r"the record of table t .*a\.txt.*2.* failed in stage VALUE_CONVERTER .*: 2 is no text"
    ):
        await bench.run()
    assert bench.publisher.committed == []


@virtual
async def test_records_that_a_transform_leaves_out_still_move_the_offset_on():
    bench = SourceBench(
        [record("keep", 1), record("drop", 2)], transform=lambda found: None if found.value == "drop" else found
    )
    await bench.run()
    assert bench.publisher.committed == [([b"keep"], [(A, {"position": 2})])]


@virtual
async def test_an_idle_task_commits_its_offset_again_now_and_then_so_that_a_fence_is_noticed():
    bench = SourceBench([record("1", 1)])
    await bench.run(OWNERSHIP_SECONDS * 2 + 5)
    assert bench.publisher.committed == [([b"1"], [(A, {"position": 1})]), *[([], [(A, {"position": 1})])] * 2]


@virtual
async def test_an_idle_task_that_has_delivered_nothing_commits_nothing():
    bench = SourceBench()
    await bench.run(OWNERSHIP_SECONDS * 3)
    assert bench.publisher.committed == []


@virtual
async def test_a_task_that_returns_at_once_with_nothing_leaves_the_loop_to_others():
    bench = SourceBench(*[[] for _ in range(100)])
    bench.task.polls.append(None)  # type: ignore[arg-type]
    await bench.run(1)
    assert 40 <= len(bench.task.polls) <= 60
