"""A sink task at work: what it is given, what is committed, and what happens when something fails."""

import asyncio
from dataclasses import replace

import pytest

from cdc.connect.tolerance import RecordFailed
from cdc.errors import KafkaUnavailable
from cdc.kafka.dead_letters import DeadLetter
from cdc.model.connect_record import Header, SinkRecord, TopicPartition
from cdc.sinks.base import RetryLater
from tests.unit.connect.sink_bench import TOLERANT, A, B, LeaveOut, Stage, record, records


async def test_a_task_is_started_opened_fed_committed_closed_and_stopped_in_this_order():
    stage = Stage()
    stage.log[A] += records(b"1", b"2")
    async with stage.running(A):
        await stage.until(lambda: stage.sink.values)
    assert stage.sink.calls == ["start", "open", "put", "pre_commit", "close", "stop"]
    assert stage.sink.values == ["1", "2"]
    assert stage.consumer.commits == [{A: 2}]
    assert stage.consumer.stopped
    assert stage.consumer.topics == ["t"]


async def test_a_record_comes_with_all_that_kafka_knows_of_it():
    stage = Stage()
    stage.log[A].append(record(7, b"v", headers=(("h", b"x"), ("h", b"y"))))
    taken = []

    async def note(found):
        taken.extend(found)

    stage.sink.on_put = note
    async with stage.running(A):
        await stage.until(lambda: taken)
    expected = SinkRecord(
        topic="t",
        kafka_partition=0,
        kafka_offset=7,
        key="k",
        value="v",
        timestamp_ms=1007,
        headers=(Header("h", None, "x"), Header("h", None, "y")),
        original_topic="t",
        original_partition=0,
        original_offset=7,
    )
    assert {name: getattr(taken[0], name) for name in SinkRecord.__slots__} == {
        name: getattr(expected, name) for name in SinkRecord.__slots__
    }
    assert stage.topics == ["t"]


async def test_offsets_are_committed_at_the_interval_and_only_when_they_have_moved():
    stage = Stage()
    stage.log[A] += records(b"1")
    async with stage.running(A):
        await stage.until(lambda: stage.time.now > 50)
        assert stage.consumer.commits == []
        await stage.until(lambda: stage.time.now > 130)
        assert stage.sink.calls.count("pre_commit") == 2
        stage.log[A] += records(b"2", first=1)
        await stage.until(lambda: stage.time.now > 190)
        assert stage.consumer.commits == [{A: 1}, {A: 2}]


async def test_offsets_count_in_the_original_partition_also_what_was_left_out_or_given_up():
    stage = Stage(TOLERANT, steps=[(LeaveOut(), None, False)])
    stage.log[A] += records(b"1", b"skip")
    stage.log[B] += records(b"2", b"poison", partition=1)
    async with stage.running(A, B):
        await stage.until(lambda: stage.sink.values)
    assert stage.sink.values == ["1", "2"]
    assert stage.consumer.commits == [{A: 2, B: 2}]


async def test_records_that_cannot_be_taken_now_come_again_with_everything_paused_meanwhile():
    stage = Stage()
    stage.consumer.most = 2
    stage.log[A] += records(b"1", b"2", b"3")
    tries = []

    async def refuse(found):
        tries.append(([each.value for each in found], round(stage.time.now, 3), set(stage.consumer.paused)))
        if len(tries) < 4:
            raise RetryLater("full")

    stage.sink.on_put = refuse
    async with stage.running(A, B):
        await stage.until(lambda: len(stage.sink.values) == 3)
        assert stage.consumer.paused == set()
    both = {A, B}
    first = ["1", "2"]
    assert tries == [
        (first, 0.0, set()),
        (first, 0.3, both),
        (first, 0.9, both),
        (first, 2.1, both),
        (["3"], 2.1, set()),
    ]


async def test_what_cannot_be_taken_is_not_committed():
    stage = Stage()
    stage.log[A] += records(b"1")

    async def refuse(_found):
        raise RetryLater("full")

    stage.sink.on_put = refuse
    async with stage.running(A):
        await stage.until(lambda: stage.sink.calls.count("pre_commit") == 2)
    assert stage.consumer.commits == []


async def test_after_a_failed_flush_reading_begins_again_at_the_last_commit(caplog):
    stage = Stage()
    stage.log[A] += records(b"1", b"2", b"3")
    fail = [True]

    async def pre_commit(offsets):
        if fail:
            fail.pop()
            raise OSError("disk full")
        return offsets

    stage.sink.on_pre_commit = pre_commit
    async with stage.running(A, at=1):
        await stage.until(lambda: len(stage.sink.values) == 4)
    assert stage.sink.values == ["2", "3", "2", "3"]
    assert stage.consumer.commits == [{A: 3}]
    assert "task shop-0 could not flush; its records are read again from the last commit: disk full" in caplog.messages


async def test_a_commit_that_failed_is_made_good_at_the_next_one(caplog):
    stage = Stage()
    stage.log[A] += records(b"1")
    stage.consumer.commit_errors.append(KafkaUnavailable("no answer", "It is tried again."))
    async with stage.running(A):
        await stage.until(lambda: stage.consumer.commits)
    assert stage.consumer.commits == [{A: 1}]
    assert stage.sink.values == ["1"]
    assert caplog.messages == ["task shop-0 could not commit: no answer. It is tried again."]


@pytest.mark.parametrize(
    ("returned", "commits"),
    [({A: 1}, [{A: 1}]), ({}, []), ({A: 3}, []), ({TopicPartition("other", 0): 1}, [])],
    ids=["less", "none", "more than it was given", "not its own"],
)
async def test_only_offsets_of_what_was_put_are_committed(returned, commits):
    stage = Stage()
    stage.log[A] += records(b"1", b"2")

    async def pre_commit(_offsets):
        return returned

    stage.sink.on_pre_commit = pre_commit
    async with stage.running(A):
        await stage.until(lambda: stage.sink.values)
    assert stage.consumer.commits == commits


async def test_partitions_that_go_are_flushed_committed_and_closed_before():
    stage = Stage()
    stage.log[A] += records(b"1")
    stage.log[B] += records(b"2", b"3", partition=1)
    closed = []

    async def close(partitions):
        closed.append((set(partitions), list(stage.consumer.commits), set(stage.consumer.assigned)))

    stage.sink.on_close = close
    async with stage.running(A, B):
        await stage.until(lambda: len(stage.sink.values) == 3)
        stage.consumer.take(B)
        await stage.until(lambda: closed)
        await stage.until(lambda: B not in stage.consumer.assigned)
        assert stage.sink.context.assignment() == {A}
    assert closed[0] == ({B}, [{B: 2}], {A, B})
    assert stage.consumer.commits == [{B: 2}, {A: 1}]


async def test_what_waits_for_another_attempt_is_dropped_with_its_partition():
    stage = Stage()
    stage.log[A] += records(b"1")

    async def refuse(_found):
        raise RetryLater("full")

    stage.sink.on_put = refuse
    async with stage.running(A):
        await stage.until(lambda: stage.consumer.paused)
        stage.consumer.take(A)
        await stage.until(lambda: not stage.consumer.assigned)
        stage.sink.on_put = None
        stage.consumer.give(A)
        await stage.until(lambda: stage.sink.values)
    assert stage.sink.values == ["1"]


async def test_a_task_that_keeps_its_own_offsets_seeks_when_partitions_are_opened():
    stage = Stage()
    stage.log[A] += records(b"1", b"2", b"3")

    async def seek(_partitions):
        stage.sink.context.seek({A: 2})

    stage.sink.on_open = seek
    async with stage.running(A):
        await stage.until(lambda: stage.sink.values)
    assert stage.sink.values == ["3"]
    assert stage.consumer.commits == [{A: 3}]


async def test_a_task_can_seek_in_what_it_has_already_read():
    stage = Stage()
    stage.log[A] += records(b"1", b"2")

    async def again(_found):
        stage.sink.on_put = None
        stage.sink.context.seek({A: 1})

    stage.sink.on_put = again
    async with stage.running(A):
        await stage.until(lambda: len(stage.sink.values) == 3)
    assert stage.sink.values == ["1", "2", "2"]


async def test_a_seek_does_away_with_what_waits_for_another_attempt():
    stage = Stage()
    stage.log[A] += records(b"1", b"2")

    async def refuse(_found):
        stage.sink.on_put = None
        stage.sink.context.seek({A: 1})
        raise RetryLater("full")

    stage.sink.on_put = refuse
    async with stage.running(A):
        await stage.until(lambda: stage.sink.values)
        await stage.until(lambda: stage.time.now > 10)
    assert stage.sink.values == ["2"]


async def test_a_task_can_hold_back_a_partition():
    stage = Stage()
    stage.log[B] += records(b"2", partition=1)

    async def pause(_partitions):
        stage.sink.context.pause({B})

    stage.sink.on_open = pause
    async with stage.running(A, B):
        stage.log[A] += records(b"1")
        await stage.until(lambda: stage.time.now > 10)
        assert stage.sink.values == ["1"]
        stage.sink.context.resume({B})
        await stage.until(lambda: len(stage.sink.values) == 2)


async def test_a_paused_task_commits_takes_nothing_and_keeps_polling_until_it_is_resumed():
    stage = Stage()
    stage.log[A] += records(b"1")
    async with stage.running(A):
        await stage.until(lambda: stage.sink.values)
        stage.worker.pause()
        await stage.until(lambda: stage.consumer.commits)
        stage.log[A] += records(b"2", first=1)
        polls = stage.consumer.polls
        await stage.until(lambda: stage.consumer.polls > polls + 20)
        assert stage.sink.values == ["1"]
        stage.worker.resume()
        await stage.until(lambda: stage.sink.values == ["1", "2"])


async def test_a_partition_that_comes_while_the_task_is_paused_is_paused_too():
    stage = Stage()
    stage.log[A] += records(b"1")
    stage.worker.pause()
    async with stage.running(A):
        await stage.until(lambda: stage.time.now > 10)
        assert stage.sink.calls.count("open") == 1
        stage.consumer.take(A)
        stage.consumer.give(A)
        await stage.until(lambda: stage.time.now > 20)
        assert stage.sink.calls.count("open") == 2
        assert stage.sink.values == []


async def test_an_error_of_the_task_ends_it_and_what_was_put_before_is_committed():
    stage = Stage()
    stage.consumer.most = 1
    stage.log[A] += records(b"1", b"2")

    async def refuse(found):
        if found[0].value == "2":
            raise ValueError("cannot")

    stage.sink.on_put = refuse
    error = await stage.failure(A)
    assert repr(error) == "ValueError('cannot')"
    assert stage.consumer.commits == [{A: 1}]
    assert stage.sink.calls[-3:] == ["pre_commit", "close", "stop"]
    assert stage.consumer.stopped


async def test_a_task_that_cannot_start_is_stopped_and_says_why():
    stage = Stage()

    async def refuse():
        raise ValueError("cannot")

    stage.sink.on_start = refuse
    assert repr(await stage.failure()) == "ValueError('cannot')"
    assert stage.sink.calls == ["start", "stop"]
    assert stage.consumer.stopped


async def test_an_error_at_the_end_does_not_hide_the_one_before(caplog):
    stage = Stage()

    async def refuse(_found):
        raise ValueError("first")

    async def refuse_too(_partitions):
        raise ValueError("second")

    stage.sink.on_open, stage.sink.on_close = refuse, refuse_too
    assert repr(await stage.failure(A)) == "ValueError('first')"
    assert stage.sink.calls[-1] == "stop"
    assert caplog.messages == ["task shop-0 was not ended in order: second"]


async def test_a_put_that_is_under_way_comes_to_its_end_before_the_task_is_stopped():
    stage = Stage()
    stage.log[A] += records(b"1")
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def slow(_found):
        begun.set()
        await may_end.wait()

    stage.sink.on_put = slow
    async with stage.running(A) as run:
        await begun.wait()
        run.cancel()
        await asyncio.sleep(0)
        assert stage.sink.calls[-1] == "put"
        may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await run
    assert stage.consumer.commits == [{A: 1}]


async def test_a_put_that_does_not_end_is_cancelled_and_everything_is_released():
    stage = Stage(grace=0.01)
    stage.log[A] += records(b"1")
    begun = asyncio.Event()

    async def endless(_found):
        begun.set()
        await asyncio.Event().wait()

    stage.sink.on_put = endless
    async with stage.running(A) as run:
        await begun.wait()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
    assert stage.sink.calls[-3:] == ["pre_commit", "close", "stop"]
    assert stage.consumer.commits == []
    assert stage.consumer.stopped


async def test_a_poison_record_stops_the_task_with_a_sentence_that_names_it():
    stage = Stage()
    stage.log[A] += records(b"1", b"poison", first=41)
    error = await stage.failure(A)
    assert isinstance(error, RecordFailed)
    assert str(error) == (
        "Connector shop, task 0: the record of topic t, partition 0, offset 42 failed in stage VALUE_CONVERTER (Text): it is poison"
    )
    assert stage.letters.written == []


async def test_a_poison_record_becomes_a_dead_letter_with_its_bytes_and_connects_headers():
    stage = Stage(TOLERANT)
    stage.log[A] += [record(5, b"poison", headers=(("own", b"1"),)), record(6, b"2")]
    async with stage.running(A):
        await stage.until(lambda: stage.sink.values)
    (letter,) = stage.letters.written
    assert replace(letter, headers=()) == DeadLetter("dead", b"k", b"poison", (), 1005)
    *headers, (last, trace) = letter.headers
    assert headers == [
        ("own", b"1"),
        ("__connect.errors.topic", b"t"),
        ("__connect.errors.partition", b"0"),
        ("__connect.errors.offset", b"5"),
        ("__connect.errors.connector.name", b"shop"),
        ("__connect.errors.task.id", b"0"),
        ("__connect.errors.stage", b"VALUE_CONVERTER"),
        ("__connect.errors.class.name", b"tests.unit.connect.sink_bench.Text"),
        ("__connect.errors.exception.class.name", b"cdc.errors.ConversionError"),
        ("__connect.errors.exception.message", b"it is poison"),
    ]
    assert last == "__connect.errors.exception.stacktrace"
    assert trace.startswith(b"Traceback")
    assert trace.endswith(b"ConversionError: it is poison\n")


async def test_a_dead_letter_has_no_headers_of_connect_unless_they_are_asked_for():
    stage = Stage(replace(TOLERANT, dead_letter_headers=False))
    stage.log[A].append(record(5, b"poison", headers=(("own", b"1"),)))
    async with stage.running(A):
        await stage.until(lambda: stage.letters.written)
    assert stage.letters.written[0].headers == (("own", b"1"),)


async def test_headers_that_a_dead_letter_has_already_stay_as_they_are():
    stage = Stage(TOLERANT)
    stage.log[A].append(record(5, b"poison", headers=(("__connect.errors.topic", b"first"),)))
    async with stage.running(A):
        await stage.until(lambda: stage.letters.written)
    found = stage.letters.written[0].headers
    assert [data for name, data in found if name == "__connect.errors.topic"] == [b"first"]


@pytest.mark.parametrize("own", [False, True], ids=["as it was read", "made by the task"])
async def test_a_record_that_the_task_reports_becomes_a_dead_letter_and_its_neighbours_go_on(own):
    stage = Stage(TOLERANT, steps=[(LeaveOut(), None, False)])
    stage.log[A] += [record(0, b"1"), record(1, b"2", headers=(("h", b"x"),)), record(2, b"3")]

    async def report(found):
        reported = found[1]
        if own:
            reported = SinkRecord(**{name: getattr(reported, name) for name in SinkRecord.__slots__})
        await stage.sink.context.report(reported, ValueError("too long"))

    stage.sink.on_put = report
    async with stage.running(A):
        await stage.until(lambda: stage.sink.values)
    (letter,) = stage.letters.written
    headers = dict(letter.headers)
    assert (letter.key, letter.value, letter.timestamp_ms, headers["h"]) == (b"k", b"2", 1001, b"x")
    assert headers["__connect.errors.offset"] == b"1"
    assert headers["__connect.errors.stage"] == b"TASK_PUT"
    assert headers["__connect.errors.class.name"] == b"tests.unit.connect.sink_bench.Sink"
    assert headers["__connect.errors.exception.message"] == b"too long"
    assert stage.consumer.commits == [{A: 3}]


async def test_a_record_that_the_task_reports_stops_it_when_nothing_is_tolerated():
    stage = Stage()
    stage.log[A] += records(b"1")

    async def report(found):
        await stage.sink.context.report(found[0], ValueError("too long"))

    stage.sink.on_put = report
    error = await stage.failure(A)
    assert isinstance(error, RecordFailed)
    assert "offset 0 failed in stage TASK_PUT (Sink): ValueError: too long" in str(error)
    assert stage.consumer.commits == []
