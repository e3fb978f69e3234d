"""A task from start to stop: its states, its topics, and what is said when it fails."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from cdc.connect.herder import State
from cdc.connect.task_run import LONGEST_TRACE, TaskRun
from cdc.errors import SourceLost


class Endless:
    """Work that goes on until it is cancelled, or fails at once."""

    def __init__(self, topics=(), failure=None) -> None:
        self.topics = set(topics)
        self.failure = failure
        self.ended = False

    async def run(self):
        try:
            if self.failure is not None:
                raise self.failure
            await asyncio.Event().wait()
        finally:
            self.ended = True


def task(*works):
    left = iter(works)
    return TaskRun("files-0", "1", "worker:8083", lambda: next(left))


async def until(happened):
    async with asyncio.timeout(5):
        while not happened():
            await asyncio.sleep(0)


async def test_a_task_runs_until_it_is_stopped():
    work = Endless()
    run = task(work)
    assert run.state is State.UNASSIGNED
    async with asyncio.TaskGroup() as group:
        run.start(group)
        assert (run.status.state, run.status.worker_id) == (State.RUNNING, "worker:8083")
        await asyncio.sleep(0)
        await run.stop()
    assert work.ended
    assert run.state is State.UNASSIGNED


async def test_a_failure_is_the_status_and_leaves_other_tasks_alone(caplog):
    failing, other = task(Endless(failure=SourceLost("the slot is gone", "Make a new one."))), task(Endless())
    async with asyncio.TaskGroup() as group:
        failing.start(group)
        other.start(group)
        await until(lambda: failing.state is State.FAILED)
        assert failing.status.trace == "the slot is gone. Make a new one."
        assert other.state is State.RUNNING
        await other.stop()
    assert "task files-0 failed: the slot is gone. Make a new one." in caplog.text
    assert "Traceback" not in caplog.text


async def test_what_a_plugin_raises_is_shown_by_class_and_text_and_logged_with_its_traceback(caplog):
    failing = task(Endless(failure=ExceptionGroup("tasks", [ZeroDivisionError("division by zero")])))
    async with asyncio.TaskGroup() as group:
        failing.start(group)
        await until(lambda: failing.state is State.FAILED)
    assert failing.status.trace == "ZeroDivisionError: division by zero"
    assert "division by zero" in caplog.text
    assert "Traceback" not in failing.status.trace


async def test_secrets_are_in_neither_trace_nor_log(caplog):
    failing = task(Endless(failure=ValueError("s3cr3t is no number")))
    failing.hide = lambda text: text.replace("s3cr3t", "***")
    async with asyncio.TaskGroup() as group:
        failing.start(group)
        await until(lambda: failing.state is State.FAILED)
    assert failing.status.trace == "ValueError: *** is no number"
    assert "s3cr3t" not in caplog.text


async def test_a_task_that_does_not_end_is_left_behind(caplog):
    released = asyncio.Event()

    class Stubborn(Endless):
        async def run(self):
            while not released.is_set():
                try:
                    await released.wait()
                except asyncio.CancelledError:
                    continue

    run = task(Stubborn())
    run.grace = 0.05
    async with asyncio.TaskGroup() as group:
        run.start(group)
        await asyncio.sleep(0)
        await run.stop()
        assert run.state is State.UNASSIGNED
        released.set()
    assert "has not ended" in caplog.text


@pytest.mark.parametrize("raised", [asyncio.CancelledError(), SystemExit(7)])
async def test_what_would_end_the_worker_ends_the_task_alone(raised):
    failing = task(Endless(failure=raised))
    async with asyncio.TaskGroup() as group:
        failing.start(group)
        await until(lambda: failing.state is State.FAILED)


async def test_work_that_cannot_be_made_is_a_failure_too():
    def refuse():
        raise SourceLost("no such table")

    failing = TaskRun("files-0", "1", "worker:8083", refuse)
    async with asyncio.TaskGroup() as group:
        failing.start(group)
        await until(lambda: failing.state is State.FAILED)
    assert failing.status.trace == "no such table."


@pytest.mark.parametrize(("failure", "state"), [(None, State.PAUSED), (SourceLost("lost"), State.FAILED)])
async def test_pausing_leaves_a_failed_task_failed(failure, state):
    run = task(Endless(failure=failure))
    async with asyncio.TaskGroup() as group:
        run.start(group)
        await asyncio.sleep(0.01)
        await run.stop(State.PAUSED)
    assert run.state is state


async def test_topics_outlive_a_restart_until_they_are_forgotten():
    second = Endless(["b"])
    run = task(Endless(["a"]), second)
    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            run.start(group)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await run.stop()
    assert run.topics == {"a", "b"}
    run.forget_topics()
    second.topics.add("c")
    assert run.topics == {"c"}


class Slow(Endless):
    """Work that ends when it may, and no earlier."""

    def __init__(self, failure=None) -> None:
        super().__init__(failure=failure)
        self.may_end = asyncio.Event()

    async def run(self):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            while not self.may_end.is_set():
                with suppress(asyncio.CancelledError):
                    await self.may_end.wait()
            if self.failure is not None:
                raise self.failure from None
            raise


async def test_a_stop_that_was_broken_off_can_be_repeated_and_waits_as_long():
    work = Slow()
    run = task(work)
    async with asyncio.TaskGroup() as group:
        run.start(group)
        await asyncio.sleep(0)
        first = asyncio.create_task(run.stop())
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait({first})
        second = asyncio.create_task(run.stop())
        for _ in range(20):
            await asyncio.sleep(0)
        early = second.done()
        work.may_end.set()
        await second
    assert not early


async def test_what_a_task_says_that_was_left_behind_is_not_the_status_of_the_one_that_runs_now():
    left = Slow(failure=ValueError("too late"))
    run = task(left, Endless())
    run.grace = 0
    async with asyncio.TaskGroup() as group:
        run.start(group)
        await asyncio.sleep(0)
        await run.stop(State.PAUSED)
        run.start(group)
        left.may_end.set()
        for _ in range(20):
            await asyncio.sleep(0)
        assert run.status.state is State.RUNNING
        await run.stop()


async def test_a_failure_is_text_of_bounded_length_and_no_secret_is_cut_in_half():
    failing = task(Endless(failure=ValueError("x" * (LONGEST_TRACE - 14) + "s3cr3t \udcff" * 1000)))
    failing.hide = lambda text: text.replace("s3cr3t", "***")
    async with asyncio.TaskGroup() as group:
        failing.start(group)
        await until(lambda: failing.state is State.FAILED)
    assert failing.trace.encode()
    assert len(failing.trace) == LONGEST_TRACE + 1
    assert "s3" not in failing.trace


async def test_an_exception_that_has_no_text_is_a_failure_like_any_other():
    class Broken(Exception):
        def __str__(self) -> str:
            raise ZeroDivisionError

    failing = task(Endless(failure=Broken()))
    async with asyncio.TaskGroup() as group:
        failing.start(group)
        await until(lambda: failing.state is State.FAILED)
    assert failing.trace == "Broken: (ZeroDivisionError as its text was asked for)"
