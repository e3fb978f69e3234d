"""The file sink: each record once, whatever crashes, and nothing that is not its own is touched in silence."""

from __future__ import annotations

import asyncio
import errno
import json
import os
from contextlib import suppress
from pathlib import Path

import pytest

from cdc.config.settings import KafkaSettings
from cdc.connect.conversion import Conversion
from cdc.connect.herder import TaskId
from cdc.connect.tolerance import ErrorSettings
from cdc.connect.transformation import TransformationChain
from cdc.connect.work import SinkPlan, SinkWork
from cdc.converters.simple_header import SimpleHeaderConverter
from cdc.converters.string import StringConverter
from cdc.errors import ConfigError, SinkError
from cdc.kafka.group import GroupSettings
from cdc.sinks.base import RetryLater, SinkTask
from cdc.sinks.file.connector import FileStreamSinkConnector
from cdc.sinks.file.task import FileStreamSinkTask
from cdc.testing.conformance.sink_task import (
    NUMBER,
    ONE,
    ZERO,
    Reading,
    SinkTaskConformance,
    begun,
    committed,
    record,
    values,
)


class FileWorld:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "out.txt"
        self.journal = folder / ".out.txt.journal"
        self.properties = {"name": "lines", "file": str(self.path), "topics": "letters"}
        self.refused = {"name": "lines", "file": str(folder / "missing" / "out.txt")}

    def task(self) -> FileStreamSinkTask:
        return FileStreamSinkTask()

    def crash(self, task: SinkTask) -> None:
        assert isinstance(task, FileStreamSinkTask)
        assert task._output is not None
        assert task._output._descriptor is not None
        os.close(task._output._descriptor)

    async def values(self) -> list[str]:
        return self.path.read_text().splitlines() if self.path.exists() else []


@pytest.fixture
def world(tmp_path):
    return FileWorld(tmp_path)


class TestFileStreamSinkTask(SinkTaskConformance):
    @pytest.fixture
    def world(self, tmp_path):
        return FileWorld(tmp_path)


async def written(world: FileWorld, number: int = 3) -> Reading:
    """Write and commit the first records of a partition, and stop."""
    reading = Reading(world.properties)
    task = await begun(world, reading, ZERO)
    await task.put(reading.take(ZERO, number))
    await committed(task, reading)
    await task.stop()
    return reading


def file_of(descriptor: int) -> str:
    return Path(f"/proc/self/fd/{descriptor}").readlink().name


async def refusal(world: FileWorld) -> SinkError:
    task = world.task()
    with pytest.raises(SinkError) as caught:
        await task.start(Reading(world.properties))
    await task.stop()
    return caught.value


async def test_lines_are_appended_to_a_file_that_was_there(world):
    world.path.write_text("of Connect\n")
    await written(world, 2)
    assert await world.values() == ["of Connect", *values(ZERO, 0, 1)]


async def test_a_file_that_was_there_is_whole_after_a_crash_before_the_first_commit(world):
    world.path.write_text("of Connect\n")
    reading = Reading(world.properties)
    task = await begun(world, reading, ZERO)
    await task.put(reading.take(ZERO, 2))
    world.crash(task)
    task = await begun(world, reading, ZERO)
    assert await world.values() == ["of Connect"]
    await task.stop()


async def test_the_file_is_on_disk_before_the_journal_and_that_before_pre_commit_returns(world, monkeypatch):
    reading = Reading(world.properties)
    task = await begun(world, reading, ZERO)
    await task.put(reading.take(ZERO, 1))
    steps = []

    def noted(function, name=None):
        def run(*arguments):
            steps.append(name or file_of(arguments[0]))
            return function(*arguments)

        return run

    monkeypatch.setattr(os, "fsync", noted(os.fsync))
    monkeypatch.setattr(Path, "rename", noted(Path.rename, "rename"))
    await committed(task, reading)
    assert steps == ["out.txt", ".out.txt.journal.new", "rename", world.path.parent.name]
    await task.stop()


async def test_the_journal_says_what_the_file_holds(world):
    await written(world, 3)
    content = json.loads(world.journal.read_text())
    assert content["connector"] == "lines"
    assert content["length"] == world.path.stat().st_size
    assert content["offsets"] == [{"topic": "letters", "partition": 0, "offset": 3}]


async def test_a_crash_in_the_middle_of_a_line_leaves_no_half(world):
    reading = await written(world, 3)
    with world.path.open("a") as file:
        file.write("half a li")
    task = await begun(world, reading, ZERO)
    assert await world.values() == values(ZERO, 0, 1, 2)
    assert reading.position == {ZERO: 3}
    await task.stop()


async def test_the_journal_counts_when_the_commit_of_the_offsets_was_lost(world):
    await written(world, 3)
    reading = Reading(world.properties)
    task = await begun(world, reading, ZERO, ONE)
    assert reading.position == {ZERO: 3, ONE: 0}
    await task.stop()


async def test_offsets_of_records_that_transforms_left_out_are_kept(world):
    reading = Reading(world.properties)
    task = await begun(world, reading, ZERO)
    reading.take(ZERO, 5)
    assert await committed(task, reading) == {ZERO: 5}
    await task.stop()
    again = Reading(world.properties)
    await (await begun(world, again, ZERO)).stop()
    assert again.position == {ZERO: 5}


async def test_a_commit_of_less_does_not_take_back_what_the_file_holds(world):
    reading = Reading(world.properties)
    task = await begun(world, reading, ZERO)
    await task.put(reading.take(ZERO, 5))
    assert await task.pre_commit({ZERO: 2}) == {ZERO: 2}
    await task.stop()
    again = Reading(world.properties, committed={ZERO: 2})
    await (await begun(world, again, ZERO)).stop()
    assert again.position == {ZERO: 5}


async def test_offsets_of_another_connector_do_not_count(world):
    await written(world, 3)
    world.properties["name"] = "other"
    reading = Reading(world.properties)
    task = await begun(world, reading, ZERO)
    assert reading.position == {ZERO: 0}
    await task.put(reading.take(ZERO, 1))
    await committed(task, reading)
    await task.stop()
    assert await world.values() == values(ZERO, 0, 1, 2, 0)


async def test_a_file_that_became_shorter_is_an_error_with_both_lengths(world):
    await written(world, 3)
    size = world.path.stat().st_size
    os.truncate(world.path, size - 1)
    error = await refusal(world)
    assert f"out.txt has {size - 1} bytes, but {size} bytes were written to it" in str(error)
    assert str(world.journal) in error.remedy
    assert world.path.stat().st_size == size - 1


async def test_a_file_that_was_removed_is_an_error_and_a_new_one_begins_without_the_journal(world):
    reading = await written(world, 3)
    world.path.unlink()
    assert "out.txt has 0 bytes, but" in str(await refusal(world))
    world.journal.unlink()
    task = await begun(world, reading, ZERO)
    await task.put(reading.take(ZERO, 1))
    await committed(task, reading)
    await task.stop()
    assert await world.values() == values(ZERO, 3)


async def test_another_file_under_the_name_is_an_error_and_stays_as_it_is(world):
    await written(world, 3)
    content = "x" * 1000
    world.path.write_text(content)
    assert "is not the file that was written" in str(await refusal(world))
    assert world.path.read_text() == content


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"length": 1}', b'{"connector":"a","length":"x","mark":"","offsets":[]}']
)
async def test_a_damaged_journal_is_an_error_and_is_kept(world, content):
    await written(world, 3)
    world.journal.write_bytes(content)
    error = await refusal(world)
    assert f"The journal {world.journal} cannot be read" in str(error)
    assert world.journal.read_bytes() == content


@pytest.mark.parametrize("change", ["rename", "remove", "truncate", "append"])
async def test_a_change_by_somebody_else_is_noticed_at_the_next_commit(world, change):
    reading = Reading(world.properties)
    task = await begun(world, reading, ZERO)
    await task.put(reading.take(ZERO, 3))
    if change == "rename":
        world.path.rename(world.path.with_name("out.txt.1"))
    elif change == "remove":
        world.path.unlink()
    elif change == "truncate":
        os.truncate(world.path, 0)
    else:
        with world.path.open("a") as file:
            file.write("mine\n")
    for call in (task.pre_commit({ZERO: 3}), task.put(reading.take(ZERO, 1))):
        with pytest.raises(SinkError, match=r"was removed or renamed|has \d+ bytes, but \d+ bytes were written"):
            await call
    await task.stop()
    assert json.loads(world.journal.read_text())["offsets"] == []


def full_after(monkeypatch, limit: int) -> list[int]:
    """Let the disk take so many bytes more, then none until the list's number is raised."""
    left = [limit]
    pwrite = os.pwrite

    def limited(descriptor, content, position):
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        done = pwrite(descriptor, content[: left[0]], position)
        left[0] -= done
        return done

    monkeypatch.setattr(os, "pwrite", limited)
    return left


async def test_a_full_disk_asks_for_the_records_again_and_leaves_no_part_of_them(world, monkeypatch):
    reading = Reading(world.properties)
    task = await begun(world, reading, ZERO)
    await task.put(reading.take(ZERO, 2))
    records = reading.rest(ZERO)
    left = full_after(monkeypatch, 50)
    for _ in range(2):
        with pytest.raises(RetryLater, match=r"out\.txt cannot be written: No space left on device") as caught:
            await task.put(records)
        assert caught.value.retriable
        assert await world.values() == values(ZERO, 0, 1)
    await task.pre_commit({ZERO: 2})
    left[0] = 10_000
    await task.put(records)
    await committed(task, reading)
    await task.stop()
    assert await world.values() == values(ZERO, *range(NUMBER))


async def test_a_disk_that_is_full_for_the_journal_can_be_committed_later(world, monkeypatch):
    reading = Reading(world.properties)
    task = await begun(world, reading, ZERO)
    await task.put(reading.take(ZERO, 3))
    before = world.journal.read_bytes()
    fsync = os.fsync

    def full(descriptor):
        if "journal" in file_of(descriptor):
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RetryLater, match="No space left on device"):
        await committed(task, reading)
    assert world.journal.read_bytes() == before
    monkeypatch.undo()
    assert await committed(task, reading) == {ZERO: 3}
    await task.stop()
    assert json.loads(world.journal.read_text())["offsets"][0]["offset"] == 3


async def test_after_a_failed_sync_nothing_counts_as_durable_any_more(world, monkeypatch):
    reading = Reading(world.properties)
    task = await begun(world, reading, ZERO)
    await task.put(reading.take(ZERO, 3))

    def broken(_descriptor):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(SinkError, match="cannot be made durable"):
        await task.pre_commit({ZERO: 3})
    monkeypatch.undo()
    for call in (task.pre_commit({ZERO: 3}), task.put(reading.take(ZERO, 1))):
        with pytest.raises(SinkError, match="cannot be made durable"):
            await call
    await task.stop()


async def test_a_second_writer_is_refused_until_the_first_lets_go_and_then_goes_on_behind_it(world):
    reading = Reading(world.properties)
    first = await begun(world, reading, ZERO)
    error = await refusal(world)
    assert isinstance(error, RetryLater), "the runtime starts a task again that raises this"
    assert f"Another task or process writes to {world.path}" in str(error)
    await first.put(reading.take(ZERO, 3))
    await committed(first, reading)
    await first.stop()
    second = Reading(world.properties)
    await (await begun(world, second, ZERO)).stop()
    assert second.position == {ZERO: 3}


async def test_a_task_that_waits_for_its_file_stops_at_once(world, caplog):
    first = await begun(world, Reading(world.properties), ZERO)
    plan = SinkPlan(
        id=TaskId("lines", 0),
        new_task=world.task,
        new_conversion=lambda: Conversion(
            StringConverter(), StringConverter(), SimpleHeaderConverter(), TransformationChain()
        ),
        properties=world.properties,
        kafka=KafkaSettings("lines", "lines"),
        group=GroupSettings("connect-lines"),
        errors=ErrorSettings(),
        topics={"letters"},
        flush_interval=60.0,
        grace=3600.0,
    )
    running = asyncio.ensure_future(SinkWork(plan).run())
    async with asyncio.timeout(60.0):
        while "Waiting until it works again" not in caplog.text:
            assert not running.done()
            await asyncio.sleep(0.001)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    await first.stop()


async def test_a_start_that_is_cancelled_leaves_the_file_to_others(world):
    first = await begun(world, Reading(world.properties), ZERO)
    second = world.task()
    starting = asyncio.ensure_future(second.start(Reading(world.properties)))
    await asyncio.sleep(0)
    starting.cancel()
    with suppress(asyncio.CancelledError):
        await starting
    await second.stop()
    await first.stop()
    await (await begun(world, Reading(world.properties), ZERO)).stop()


async def test_a_cancelled_put_is_over_before_the_file_is_let_go(world):
    reading = Reading(world.properties)
    for steps in range(6):
        task = await begun(world, reading, ZERO)
        putting = asyncio.ensure_future(task.put(reading.take(ZERO, 3)))
        for _ in range(steps):
            await asyncio.sleep(0)
        putting.cancel()
        with suppress(asyncio.CancelledError):
            await putting
        await task.stop()
    task = await begun(world, reading, ZERO)
    await task.put(reading.rest(ZERO))
    await committed(task, reading)
    await task.stop()
    assert await world.values() == values(ZERO, *range(NUMBER))


async def test_a_record_that_cannot_be_written_is_reported_once_and_left_out(world, monkeypatch):
    reading = Reading(world.properties)
    task = await begun(world, reading, ZERO)
    good, bad, last = reading.take(ZERO, 3)
    object.__setattr__(bad, "value", "half a pair: \ud800")
    left = full_after(monkeypatch, 0)
    with pytest.raises(RetryLater):
        await task.put([good, bad, last])
    left[0] = 10_000
    await task.put([good, bad, last])
    assert reading.reported == [bad]
    assert await committed(task, reading) == {ZERO: 3}
    await task.stop()
    assert await world.values() == values(ZERO, 0, 2)


async def test_json_lines_hold_the_whole_record(world):
    world.properties["format"] = "json"
    await written(world, 2)
    first, _ = [json.loads(line) for line in await world.values()]
    text = record(ZERO, 0).value
    assert first == {
        "topic": "letters",
        "partition": 0,
        "offset": 0,
        "timestamp": 1_700_000_000_000,
        "key": text,
        "value": text,
        "headers": [],
    }


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
async def test_what_is_no_regular_file_is_refused(world, make):
    make(world.path)
    assert "out.txt" in str(await refusal(world))


@pytest.mark.parametrize("properties", [{}, {"file": ""}, {"file": "a", "format": "xml"}])
async def test_a_wrong_configuration_is_refused(properties):
    task = FileStreamSinkTask()
    with pytest.raises(ConfigError):
        await task.start(Reading(properties))
    await task.stop()


async def test_altered_offsets_count_before_the_journals(world):
    reading = await written(world, 3)
    connector = FileStreamSinkConnector()
    assert await connector.alter_offsets(world.properties, {ZERO: 1, ONE: None}) is True
    task = await begun(world, reading, ZERO)
    assert reading.position == {ZERO: 1}
    await task.put(reading.take(ZERO, 2))
    await committed(task, reading)
    await task.stop()
    assert await world.values() == values(ZERO, 0, 1, 2, 1, 2)


async def test_removed_offsets_leave_the_choice_to_the_consumer_group(world):
    await written(world, 3)
    await FileStreamSinkConnector().alter_offsets(world.properties, {ZERO: None})
    reading = Reading(world.properties, committed={ZERO: 2})
    await (await begun(world, reading, ZERO)).stop()
    assert reading.position == {ZERO: 2}
