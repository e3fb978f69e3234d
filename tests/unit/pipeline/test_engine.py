"""The pipeline: which errors are waited for, for how long, and what is said of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest

from cdc.config.settings import PipelineSettings
from cdc.errors import ConfigError, Fenced, KafkaUnavailable, SourceLost, SourceUnavailable
from cdc.pipeline.engine import Pipeline
from cdc.pipeline.status import PipelineStatus, State
from cdc.testing.memory import MemoryPosition, MemoryPublisher
from tests.unit.pipeline.bench import Bench, insert, numbers
from tests.unit.pipeline.virtual_time import now, virtual

Act = Callable[[PipelineStatus], None]


def commits(status: PipelineStatus) -> None:
    status.begun = True
    status.commits += 1
    status.problem = ""


def unavailable(status: PipelineStatus) -> None:
    raise ExceptionGroup("tasks", [SourceUnavailable("the server is gone", "Start it.")])


class Acts:
    """Sessions that each play the next act: a list of things to do; they end when a thing raises, and the last one runs on."""

    def __init__(self, *acts: tuple[Act, ...], **settings) -> None:
        self.acts = list(acts)
        self.pauses: list[float] = []
        self.states: list[State] = []
        self.pipeline = Pipeline(self.session, PipelineSettings(**settings), sleep=self.sleep)

    def session(self, status: PipelineStatus) -> Acts:
        return self

    async def run(self) -> None:
        if not self.acts:
            await asyncio.Event().wait()
        for act in self.acts.pop(0):
            act(self.pipeline.status)

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.states.append(self.pipeline.status.state)
        await asyncio.sleep(seconds)

    async def play(self) -> None:
        """Run until nothing more happens."""
        try:
            async with asyncio.timeout(10_000):
                await self.pipeline.run()
        except TimeoutError:
            pass


class TestWaiting:
    @virtual
    async def test_pauses_double_up_to_the_limit(self):
        acts = Acts((commits, unavailable), *[(unavailable,)] * 7, retry_delay=5.0)
        await acts.play()
        assert acts.pauses == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0]
        assert set(acts.states) == {State.WAITING}
        assert acts.pipeline.status.restarts == 8
        assert acts.pipeline.status.state is State.STOPPED

    @virtual
    async def test_a_commit_in_between_begins_anew(self):
        acts = Acts((commits, unavailable), (unavailable,), (commits, unavailable), (unavailable,))
        await acts.play()
        assert acts.pauses == [0.25, 0.5, 0.25, 0.5]

    @virtual
    async def test_it_is_said_once_per_outage(self, caplog):
        with caplog.at_level(logging.INFO):
            await Acts(
                (commits, unavailable), (unavailable,), (unavailable,), (commits, unavailable), (unavailable,)
            ).play()
        said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
        assert said == ["the server is gone. Start it. Waiting until it works again."] * 2

    @virtual
    async def test_the_problem_can_be_asked_for(self):
        acts = Acts((commits, unavailable), (unavailable,))
        task = asyncio.create_task(acts.play())
        await asyncio.sleep(0.1)
        assert acts.pipeline.status.problem == "the server is gone"
        task.cancel()

    @virtual
    async def test_a_new_session_for_each_attempt(self):
        made: list[int] = []

        class Attempt:
            def __init__(self, status: PipelineStatus) -> None:
                made.append(status.restarts)
                self.status = status

            async def run(self) -> None:
                commits(self.status)
                if len(made) == 3:
                    raise Fenced("another one", "Stop it.")
                raise SourceUnavailable("gone")

        with pytest.raises(Fenced):
            await Pipeline(Attempt, PipelineSettings()).run()
        assert made == [0, 1, 2]


class TestEnding:
    @virtual
    async def test_a_failure_before_anything_was_read_ends_it(self):
        acts = Acts((unavailable,))
        with pytest.raises(SourceUnavailable, match="the server is gone"):
            await acts.play()
        assert acts.pauses == []
        assert acts.pipeline.status.state is State.STOPPED

    @virtual
    async def test_one_in_the_first_snapshot_is_waited_for(self):
        def begins(status: PipelineStatus) -> None:
            status.begun = True

        acts = Acts((begins, unavailable), (commits,))
        await acts.play()
        assert acts.pauses == [0.25]

    @virtual
    @pytest.mark.parametrize("error", [Fenced("another one"), SourceLost("the slot is gone"), ConfigError("no")])
    async def test_what_no_attempt_can_help_ends_it(self, error):
        def fail(status: PipelineStatus) -> None:
            raise error

        acts = Acts((commits, fail))
        with pytest.raises(type(error)) as caught:
            await acts.play()
        assert caught.value is error

    @virtual
    async def test_a_mistake_in_the_program_ends_it(self):
        def fail(status: PipelineStatus) -> None:
            raise ExceptionGroup("tasks", [KafkaUnavailable("gone"), ZeroDivisionError("oops")])

        with pytest.raises(ZeroDivisionError):
            await Acts((commits, fail)).play()

    @virtual
    async def test_attempts_can_be_limited(self):
        acts = Acts((commits, unavailable), *[(unavailable,)] * 5, max_retries=2)
        with pytest.raises(SourceUnavailable):
            await acts.play()
        assert acts.pauses == [0.25, 0.5]

    @virtual
    async def test_none_at_all(self):
        acts = Acts((commits, unavailable), max_retries=0)
        with pytest.raises(SourceUnavailable):
            await acts.play()
        assert acts.pauses == []

    @virtual
    @pytest.mark.parametrize("acts", [Acts(), Acts((commits, unavailable))])
    async def test_cancellation_passes_through(self, acts):
        task = asyncio.create_task(acts.pipeline.run())
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert acts.pipeline.status.state is State.STOPPED


class TestWithSessions:
    @virtual
    async def test_an_outage_of_the_broker_is_waited_for(self, caplog):
        bench = Bench()
        bench.store(MemoryPosition(0))
        gone: list[tuple[float, float]] = [(5, 65)]

        class Interrupted(MemoryPublisher):
            def check(self) -> None:
                if any(begin <= now() < end for begin, end in gone):
                    raise KafkaUnavailable("no broker answers", "Start one.")

            async def start(self):
                self.check()
                await super().start()

            async def commit(self, partition, offset):
                self.check()
                await super().commit(partition, offset)

        bench.open_publisher = lambda snapshot: Interrupted(bench.broker)  # type: ignore[method-assign]
        pipeline = Pipeline(bench.session, PipelineSettings())
        with caplog.at_level(logging.INFO):
            task = asyncio.create_task(pipeline.run())
            for number in range(100):
                bench.log.commit(insert(number))
                await asyncio.sleep(1)
        assert numbers(bench.broker.records()) == list(range(100))
        assert [record.getMessage()[:24] for record in caplog.records] == [
            "no broker answers. Start",
            "working again, at Memory",
        ]
        assert pipeline.status.restarts > 5
        assert pipeline.status.problem == ""
        assert pipeline.status.rows == 100
        task.cancel()

    @virtual
    async def test_an_indefinite_result_is_settled_by_the_stored_offset(self):
        """The commit arrives, its reply does not: the next session must not publish again."""
        bench = Bench()
        bench.store(MemoryPosition(0))
        lost: list[float] = []

        class LosingReplies(MemoryPublisher):
            async def commit(self, partition, offset):
                await super().commit(partition, offset)
                if offset["transactions"] in {3, 5} and len(lost) < 2:
                    lost.append(now())
                    raise KafkaUnavailable("no reply", "Wait.")

        bench.open_publisher = lambda snapshot: LosingReplies(bench.broker)  # type: ignore[method-assign]
        task = asyncio.create_task(Pipeline(bench.session, PipelineSettings()).run())
        for number in range(10):
            bench.log.commit(insert(number))
            await asyncio.sleep(1)
        assert len(lost) == 2
        assert numbers(bench.broker.records()) == list(range(10))
        task.cancel()

    @virtual
    async def test_the_second_instance_fences_the_first(self):
        bench = Bench()
        bench.store(MemoryPosition(0))
        first = asyncio.create_task(Pipeline(bench.session, PipelineSettings()).run())
        await asyncio.sleep(1)
        bench.log.commit(insert(1))
        await asyncio.sleep(1)
        bench.log.reader = None  # the server lets go of the first one's session
        second = asyncio.create_task(Pipeline(bench.session, PipelineSettings()).run())
        await asyncio.sleep(1)
        bench.log.commit(insert(2))
        with pytest.raises(Fenced):
            await first
        await asyncio.sleep(40)
        assert numbers(bench.broker.records()) == [1, 2]
        second.cancel()


@virtual
async def test_an_outage_that_can_be_no_mistake_is_waited_for_from_the_beginning():
    def away(status: PipelineStatus) -> None:
        raise KafkaUnavailable("the broker is gone")

    acts = Acts((away,), (away,), (commits, unavailable))
    acts.pipeline = Pipeline(acts.session, PipelineSettings(), sleep=acts.sleep, outages=(KafkaUnavailable,))
    await acts.play()
    assert acts.pauses == [0.25, 0.5, 0.25]
    acts = Acts((unavailable,))
    acts.pipeline = Pipeline(acts.session, PipelineSettings(), sleep=acts.sleep, outages=(KafkaUnavailable,))
    with pytest.raises(SourceUnavailable):
        await acts.pipeline.run()


class TestRetiring:
    """What a connector gives up when it is stopped on purpose, such as its slot."""

    @staticmethod
    def acts(retired: list[str], *acts: tuple[Act, ...]) -> Acts:
        async def retire() -> None:
            retired.append("retired")

        found = Acts(*acts, max_retries=0)
        found.pipeline = Pipeline(found.session, PipelineSettings(max_retries=0), sleep=found.sleep, retire=retire)
        return found

    @virtual
    async def test_it_is_given_up_once_when_it_is_stopped(self):
        retired: list[str] = []
        await self.acts(retired, (commits,)).play()
        assert retired == ["retired"]

    @virtual
    async def test_it_is_kept_after_an_error(self):
        retired: list[str] = []
        with pytest.raises(SourceUnavailable):
            await self.acts(retired, (unavailable,)).play()
        assert retired == []
