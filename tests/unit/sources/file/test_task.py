"""The file source: lines once, through growth, rotation, truncation and restarts."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
from pathlib import Path

import pytest

from cdc.errors import ConfigError, ConversionError, SourceRefused
from cdc.model.connect_record import SourceRecord
from cdc.model.schema import STRING
from cdc.sources.file.task import FileStreamSourceTask
from cdc.testing.conformance.source_task import CommittedOffsets, SourceTaskConformance, cancelled, read


class FileWorld:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "in.txt"
        self.properties = {"name": "files", "file": str(self.path), "topic": "lines", "batch.size": "3"}
        self.refused = {"name": "files", "file": str(self.path)}

    def task(self) -> FileStreamSourceTask:
        return FileStreamSourceTask(idle_seconds=0.001, grace_seconds=0.0)

    async def add(self, *values: str) -> None:
        self.append("".join(f"{value}\n" for value in values))

    def append(self, text: str | bytes) -> None:
        with self.path.open("ab") as file:
            file.write(text.encode() if isinstance(text, str) else text)

    def rotate(self, name: str = "in.txt.1") -> Path:
        return self.path.rename(self.path.with_name(name))

    def value(self, record: SourceRecord) -> str:
        return str(record.value)

    def context(self, stored: dict[str, object] | None = None) -> CommittedOffsets:
        context = CommittedOffsets(self.properties)
        if stored is not None:
            context.stored[json.dumps({"filename": str(self.path)})] = json.dumps(stored)
        return context


@pytest.fixture
def world(tmp_path):
    return FileWorld(tmp_path)


class TestFileStreamSourceTask(SourceTaskConformance):
    @pytest.fixture
    def world(self, tmp_path):
        return FileWorld(tmp_path)


async def values(world: FileWorld, context: CommittedOffsets, number: int) -> list[object]:
    """Read with a new task, commit, and stop it."""
    task = world.task()
    await task.start(context)
    try:
        records = await read(task, number)
    finally:
        await task.stop()
    context.commit(records)
    return [record.value for record in records]


class Running:
    """A task that reads until told otherwise."""

    def __init__(self, world: FileWorld, context: CommittedOffsets) -> None:
        self.task = world.task()
        self.context = context

    async def __aenter__(self):
        await self.task.start(self.context)
        return self

    async def __aexit__(self, *_):
        await self.task.stop()

    async def values(self, number: int) -> list[object]:
        records = await read(self.task, number)
        self.context.commit(records)
        return [record.value for record in records]

    async def nothing(self, polls: int = 5) -> None:
        for _ in range(polls):
            assert list(await self.task.poll()) == []


async def test_a_record_is_what_connect_makes_of_a_line(world):
    world.append("foo\nGrüße\n")
    task = world.task()
    await task.start(world.context())
    first, second = await read(task, 2)
    await task.stop()
    assert (first.topic, first.key, first.key_schema, first.value, first.value_schema) == (
        "lines",
        None,
        None,
        "foo",
        STRING,
    )
    assert first.source_partition == {"filename": str(world.path)}
    assert [record.source_offset["position"] for record in (first, second)] == [4, 4 + len("Grüße\n".encode())]


async def test_the_partition_is_the_path_as_it_was_given(world):
    world.append("a\n")
    world.properties["file"] = f"{world.path.parent}/./{world.path.name}"
    task = world.task()
    await task.start(world.context())
    (record,) = await read(task, 1)
    await task.stop()
    assert record.source_partition == {"filename": world.properties["file"]}


async def test_a_line_ends_with_a_newline_a_carriage_return_or_both(world):
    world.append("a\nb\r\nc\rd\n\r\n\r\re\n")
    assert await values(world, world.context(), 8) == ["a", "b", "c", "d", "", "", "", "e"]


async def test_a_carriage_return_at_the_end_waits_for_its_newline(world):
    async with Running(world, world.context()) as running:
        world.append("a\r")
        await running.nothing()
        world.append("\nb\r")
        assert await running.values(1) == ["a"]
        world.append("c\n")
        assert await running.values(2) == ["b", "c"]


async def test_a_line_without_end_waits_until_it_is_complete(world):
    async with Running(world, world.context()) as running:
        for part in "half", " and", " half":
            world.append(part)
            await running.nothing()
        world.append("\n")
        assert await running.values(1) == ["half and half"]


async def test_at_most_a_batch_is_returned(world):
    world.append("x\n" * 10)
    task = world.task()
    await task.start(world.context())
    assert [len(await task.poll()) for _ in range(4)] == [3, 3, 3, 1]
    await task.stop()


async def test_a_position_alone_as_connect_writes_it_is_enough(world):
    world.append("foo\nbar\nbaz\n")
    assert await values(world, world.context({"position": 4}), 2) == ["bar", "baz"]


async def test_a_file_that_does_not_exist_is_waited_for_and_that_is_said_once(world, caplog):
    async with Running(world, world.context()) as running:
        await running.nothing()
        world.append("a\n")
        assert await running.values(1) == ["a"]
    assert [record.message for record in caplog.records] == [
        f"{world.path} does not exist; waiting for it to be created"
    ]


async def test_the_rest_of_a_renamed_file_comes_before_the_new_one(world):
    async with Running(world, world.context()) as running:
        world.append("1\n2\n")
        assert await running.values(2) == ["1", "2"]
        world.append("3\n")
        old = world.rotate()
        world.append("5\n")
        with old.open("a") as late:
            late.write("4\n")
        assert await running.values(3) == ["3", "4", "5"]


async def test_a_renamed_file_is_followed_until_there_is_a_new_one(world):
    async with Running(world, world.context()) as running:
        world.append("1\n")
        assert await running.values(1) == ["1"]
        old = world.rotate()
        await running.nothing()
        with old.open("a") as late:
            late.write("2\n")
        assert await running.values(1) == ["2"]
        world.append("3\n")
        assert await running.values(1) == ["3"]


async def test_a_renamed_file_is_left_only_when_it_was_quiet_for_a_while(world):
    now = [0.0]
    task = FileStreamSourceTask(clock=lambda: now[0], idle_seconds=0.001, grace_seconds=5.0)
    await task.start(world.context())
    world.append("1\n")
    await read(task, 1)
    old = world.rotate()
    world.append("new\n")
    for now[0] in (0.0, 4.9):
        assert list(await task.poll()) == []
    with old.open("a") as late:
        late.write("late\n")
    assert [record.value for record in await task.poll()] == ["late"]
    for now[0] in (5.0, 9.9):
        assert list(await task.poll()) == []
    now[0] = 10.0
    assert [record.value for record in await task.poll()] == ["new"]
    await task.stop()


async def test_the_last_line_of_a_renamed_file_needs_no_end(world):
    context = world.context()
    world.append("1\n2")
    async with Running(world, context) as running:
        assert await running.values(1) == ["1"]
        world.rotate()
        world.append("3\n")
        assert await running.values(1) == ["2"]
    assert await values(world, context, 1) == ["3"]


async def test_a_removed_file_is_read_to_its_end(world):
    async with Running(world, world.context()) as running:
        world.append("1\n")
        assert await running.values(1) == ["1"]
        world.append("2\n")
        world.path.unlink()
        world.append("3\n")
        assert await running.values(2) == ["2", "3"]


@pytest.mark.parametrize("name", ["in.txt.1", "in.txt-20260131", "in-2026-01-31.txt", "elsewhere"])
async def test_after_a_restart_the_renamed_file_is_found(world, name):
    context = world.context()
    world.append("1\n2\n")
    await values(world, context, 2)
    world.append("3\n")
    world.rotate(name)
    world.append("4\n")
    assert await values(world, context, 2) == ["3", "4"]


@pytest.mark.parametrize(
    "names", [["in.txt.3", "in.txt.2", "in.txt.1"], ["in.txt-20260101", "in.txt-20260102", "in.txt-20260103"]]
)
@pytest.mark.parametrize("ticks", [0, 1])
async def test_several_rotations_while_it_was_down_lose_nothing(world, names, ticks):
    context = world.context()
    world.append("1\n")
    await values(world, context, 1)
    expected = []
    for number, name in enumerate(names):
        world.append(f"in {number}\n")
        # A file system's clock may be too coarse to tell two rotations apart.
        os.utime(world.rotate(name), ns=(0, 10**18 + number * ticks))
        expected.append(f"in {number}")
    world.append("last\n")
    world.path.with_name("in.txt.bak").write_text("not a rotation\n")
    assert await values(world, context, 4) == [*expected, "last"]


async def test_rotations_faster_than_the_reader_lose_nothing(world):
    async with Running(world, world.context()) as running:
        world.append("1\n")
        assert await running.values(1) == ["1"]
        for number in (2, 3):
            world.rotate(f"in.txt.{4 - number}")
            world.append(f"{number}\n")
        assert await running.values(2) == ["2", "3"]


@pytest.mark.parametrize("content", ["2\n", "another longer line\n"], ids=["shorter", "longer"])
async def test_a_truncated_file_begins_anew_and_that_is_said_once(world, content, caplog):
    async with Running(world, world.context()) as running:
        world.append("first\n")
        assert await running.values(1) == ["first"]
        with world.path.open("r+") as file:
            file.truncate()
        world.append(content)
        assert await running.values(1) == [content[:-1]]
        await running.nothing()
    (message,) = [
        record.message
        for record in caplog.records
        if record.levelno >= logging.WARNING and "truncated" in record.message
    ]
    assert "reading begins at its start again" in message


@pytest.mark.parametrize("content", ["2\n", "another longer line\n"], ids=["shorter", "longer"])
async def test_a_file_truncated_while_it_was_down_begins_anew(world, content, caplog):
    context = world.context()
    world.append("first\n")
    await values(world, context, 1)
    world.path.write_text(content)
    assert await values(world, context, 1) == [content[:-1]]
    (record,) = caplog.records
    assert "was truncated, or is not the file that was read up to byte 6" in record.message


async def test_a_file_restored_under_another_inode_goes_on(world):
    context = world.context()
    world.append("1\n")
    await values(world, context, 1)
    copy = world.path.with_name("copy")
    copy.write_text("1\n2\n")
    copy.replace(world.path)
    assert await values(world, context, 1) == ["2"]


async def test_a_position_behind_the_end_begins_anew(world):
    world.append("short\n")
    assert await values(world, world.context({"position": 1000}), 1) == ["short"]


async def test_bytes_that_are_not_utf8_stop_the_task_behind_the_lines_before_them(world):
    context = world.context()
    world.append(b"good\nb\xffd\nafter\n")
    async with Running(world, context) as running:
        assert await running.values(1) == ["good"]
        for _ in range(2):
            with pytest.raises(
                ConversionError, match=r"in\.txt is not UTF-8 at byte 6 \(0xff\), in the line that begins at byte 5"
            ) as caught:
                await running.task.poll()
    behind = json.loads(caught.value.remedy[caught.value.remedy.index("{") : caught.value.remedy.index("}") + 1])
    assert behind["position"] == 9
    assert await values(world, world.context(behind), 1) == ["after"]


async def test_the_offset_that_is_proposed_behind_bad_bytes_is_good_in_a_renamed_file_also(world):
    context = world.context()
    world.append(b"good\n\xff\nafter\n")
    world.properties["batch.size"] = "1"
    await values(world, context, 1)
    world.rotate()
    world.append("new\n")
    async with Running(world, context) as running:
        with pytest.raises(ConversionError, match=r"in\.txt\.1 is not UTF-8") as caught:
            await running.task.poll()
    behind = json.loads(caught.value.remedy[caught.value.remedy.index("{") : caught.value.remedy.index("}") + 1])
    assert await values(world, world.context(behind), 2) == ["after", "new"]


async def test_a_line_that_is_too_long_is_an_error_with_its_position(world, monkeypatch):
    monkeypatch.setattr("cdc.sources.file.reader.LONGEST_LINE", 1 << 20)
    world.append("ok\n" + "x" * (3 << 20))
    async with Running(world, world.context()) as running:
        assert await running.values(1) == ["ok"]
        with pytest.raises(ConversionError, match=r"begins at byte 3 is longer than 1 MiB"):
            await running.task.poll()


async def test_a_line_longer_than_what_is_read_at_once_comes_whole(world):
    world.append("x" * (3 << 20) + "\nend\n")
    assert await values(world, world.context(), 2) == ["x" * (3 << 20), "end"]


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
async def test_what_is_no_regular_file_is_refused(world, make):
    make(world.path)
    async with Running(world, world.context()) as running:
        with pytest.raises(SourceRefused, match=r"in\.txt is not a regular file"):
            await running.task.poll()


@pytest.mark.parametrize(
    ("stored", "why"),
    [
        ({}, "it has no position"),
        ({"position": "4"}, "not a whole number"),
        ({"position": True}, "not a whole number"),
        ({"position": None}, "not a whole number"),
        ({"position": -1}, "negative"),
        ({"position": 1, "inode": "x"}, "inode"),
        ({"position": 1, "fingerprint": 7}, "fingerprint"),
    ],
)
async def test_an_unusable_offset_is_refused_at_the_start(world, stored, why):
    task = world.task()
    with pytest.raises(ConfigError, match=why):
        await task.start(world.context(stored))
    await task.stop()


async def test_standard_input_is_refused_with_the_reason(world):
    task = world.task()
    with pytest.raises(ConfigError, match="standard input"):
        await task.start(CommittedOffsets({"topic": "t"}))
    await task.stop()


async def test_what_is_written_just_before_the_renaming_is_not_missed(world, monkeypatch):
    async with Running(world, world.context()) as running:
        world.append("1\n")
        assert await running.values(1) == ["1"]
        pread, rotations = os.pread, iter(["in.txt.1"])

        def at_the_last_moment(descriptor, length, position):
            data = pread(descriptor, length, position)
            for name in rotations:
                world.append("2\n")
                world.rotate(name)
                world.append("3\n")
            return data

        monkeypatch.setattr(os, "pread", at_the_last_moment)
        assert await running.values(2) == ["2", "3"]


async def test_a_file_truncated_and_then_renamed_while_it_was_down_loses_nothing(world):
    context = world.context()
    world.append("1\n2\n")
    await values(world, context, 2)
    world.path.write_text("new\n")
    world.rotate()
    world.append("last\n")
    assert await values(world, context, 2) == ["new", "last"]


async def test_the_file_is_closed_only_when_nobody_reads_it_any_more(world, monkeypatch):
    world.append("a\n")
    begun, go_on, pread = threading.Event(), threading.Event(), os.pread

    def slow(*arguments):
        begun.set()
        assert go_on.wait(20)
        return pread(*arguments)

    monkeypatch.setattr(os, "pread", slow)
    task = world.task()
    await task.start(world.context())
    polling = asyncio.ensure_future(task.poll())
    await asyncio.to_thread(begun.wait, 20)
    assert list(await cancelled(polling)) == []
    stopping = asyncio.ensure_future(task.stop())
    for _ in range(10):
        await asyncio.sleep(0)
    assert not stopping.done()
    go_on.set()
    await stopping


async def test_reading_does_not_block_the_loop(world, monkeypatch):
    """The read waits for something that only the loop can do."""
    loop = asyncio.get_running_loop()
    pread = os.pread

    def slow(*arguments):
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result(20)
        return pread(*arguments)

    monkeypatch.setattr(os, "pread", slow)
    world.append("a\n")
    assert await values(world, world.context(), 1) == ["a"]
