"""A session: what happens in which order, what one Kafka transaction holds, and when the position is stored."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from unittest import mock

import pytest

from cdc.errors import Fenced, KafkaRefused, KafkaUnavailable, SourceLost, SourceUnavailable
from cdc.model.batch import ChangeBatch
from cdc.model.event import Unconvertible
from cdc.model.records import RecordBatch
from cdc.pipeline.session import CONTINUES_HEADER
from cdc.pipeline.status import State
from cdc.testing.memory import MemoryPosition, MemoryPublisher
from tests.unit.pipeline.bench import Bench, NotedSource, PlainConverter, insert, numbers, rows
from tests.unit.pipeline.virtual_time import now, virtual


class Apart:
    """Makes a batch of each record."""

    async def encode(self, batch: ChangeBatch) -> list[RecordBatch]:
        records = PlainConverter().convert(batch)
        found = [RecordBatch() for _ in range(len(records))]
        for at, one in enumerate(found):
            one.add(*records[at][:3])
        return found


class TestOrder:
    @virtual
    async def test_fence_then_load_then_start(self):
        bench = Bench()
        bench.store(MemoryPosition(0))
        bench.log.commit(insert(1))
        await bench.run(1)
        stored = {"transactions": 0, "changes": 0}
        assert bench.steps[:3] == ["publisher: start", "load offset", f"source: start at {stored}"]

    @virtual
    async def test_a_transaction_from_begin_to_acknowledgement(self):
        bench = Bench()
        bench.store(MemoryPosition(0))
        await bench.session_with(bench.log.commit, insert(1), insert(2))
        stored = {"transactions": 1, "changes": 0}
        begin = bench.steps.index("publisher: send 2") - 1
        assert bench.steps[begin:] == [
            "publisher: begin",
            "publisher: send 2",
            f"publisher: commit {stored}",
            f"source: acknowledge {stored}",
            "source: stop",
            "publisher: close",
        ]

    @virtual
    async def test_records_and_offset_are_one_transaction(self):
        bench = Bench()
        bench.store(MemoryPosition(0))
        bench.log.commit(insert(1), insert(2))
        await bench.run(1)
        assert numbers(bench.broker.transactions[-1].records) == [1, 2]
        assert bench.broker.transactions[-1].offset == {"transactions": 1, "changes": 0}
        assert bench.broker.transactions[-1].partition == {"server": "memory"}

    @virtual
    async def test_nothing_is_acknowledged_that_was_not_committed(self):
        bench = Bench()
        bench.store(MemoryPosition(0))

        class Failing(MemoryPublisher):
            async def commit(self, partition, offset):
                if offset["transactions"] == 2:
                    raise KafkaUnavailable("no answer", "Wait.")
                await super().commit(partition, offset)

        bench.open_publisher = lambda snapshot: Failing(bench.broker)  # type: ignore[method-assign]
        bench.log.commit(insert(1))
        session = asyncio.create_task(bench.session().run())
        await asyncio.sleep(1)
        bench.log.commit(insert(2))
        with pytest.raises(ExceptionGroup):
            await session
        assert bench.log.acknowledged == 1
        assert bench.committed() == [[], [], [1]]

    @virtual
    async def test_a_new_session_goes_on_where_the_last_one_committed(self):
        bench = Bench()
        bench.log.commit(insert(1))
        await bench.run(1)
        bench.log.commit(insert(2))
        await bench.run(1)
        bench.log.commit(insert(3))
        await bench.run(1)
        assert numbers(bench.broker.records()) == [1, 2, 3]

    @virtual
    async def test_a_publisher_that_is_gone_is_closed_all_the_same(self):
        bench = Bench()

        async def stop() -> None:
            raise SourceUnavailable("it broke while it was closed")

        session = bench.session()
        bench.source.stop = stop  # type: ignore[method-assign]
        with pytest.raises((SourceUnavailable, TimeoutError)):
            async with asyncio.timeout(1):
                await session.run()
        assert bench.steps[-1].endswith("publisher: close")


class TestSnapshot:
    @virtual
    async def test_it_has_a_publisher_of_its_own(self):
        bench = Bench()
        bench.log.commit(insert(1), insert(2))
        await bench.run(1)
        done = {"transactions": 1, "changes": 0}
        assert bench.steps[: bench.steps.index("source: stop")] == [
            "publisher: start",
            "load offset",
            "publisher: close",
            "snapshot publisher: start",
            "load offset",
            "source: start at None",
            "snapshot publisher: begin",
            "snapshot publisher: send 2",
            "snapshot publisher: send 0",
            f"snapshot publisher: commit {done}",
            f"source: acknowledge {done}",
            "snapshot publisher: close",
            "publisher: start",
            "load offset",
        ]
        assert bench.status.state is State.STREAMING

    @virtual
    async def test_one_transaction_holds_all_of_it(self):
        bench = Bench(batch_rows=2)
        bench.log.commit(*map(insert, range(9)))
        await bench.run(1)
        assert bench.committed() == [list(range(9))]

    @virtual
    async def test_its_state_is_told(self):
        async def slow() -> AsyncIterator[ChangeBatch]:
            yield rows(1, position=MemoryPosition(1, snapshot=True), boundary=False)
            await asyncio.sleep(10)
            yield rows(2, position=MemoryPosition(1))
            await asyncio.Event().wait()

        bench = Bench(script=slow)
        task = asyncio.create_task(bench.run(20))
        await asyncio.sleep(5)
        states = [bench.status.state]
        await task
        assert [*states, bench.status.state] == [State.SNAPSHOT, State.STREAMING]

    @virtual
    async def test_one_that_takes_too_long_is_published_in_parts(self):
        async def slow() -> AsyncIterator[ChangeBatch]:
            for number in range(10):
                await asyncio.sleep(100)
                yield rows(number, position=MemoryPosition(1, snapshot=number < 9), boundary=number == 9)
            await asyncio.Event().wait()

        bench = Bench(script=slow)
        await bench.run(1500)
        parts = [transaction for transaction in bench.broker.transactions if transaction.records]
        assert [numbers(part.records) for part in parts] == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
        assert ["snapshot" in part.offset for part in parts] == [True, False]

    @virtual
    async def test_an_interrupted_one_begins_again(self):
        bench = Bench()
        bench.store(MemoryPosition(0, snapshot=True))
        bench.log.commit(insert(1))
        await bench.run(1)
        assert "source: start at {'transactions': 0, 'changes': 0, 'snapshot': True}" in bench.steps
        assert bench.steps.index("snapshot publisher: start") < bench.steps.index("snapshot publisher: send 1")

    @virtual
    async def test_a_broker_that_refuses_long_transactions_gets_short_ones(self):
        bench = Bench()
        noted = bench.open_publisher

        class Refusing(MemoryPublisher):
            async def start(self) -> None:
                raise KafkaRefused("transaction.timeout.ms = 900000 is refused", "Lower it.")

        bench.open_publisher = lambda snapshot: Refusing(bench.broker) if snapshot else noted(False)  # type: ignore[method-assign]
        bench.log.commit(insert(1))
        await bench.run(1)
        assert bench.committed() == [[1]]

    @virtual
    async def test_another_instance_that_comes_between_the_publishers_is_seen_before_the_snapshot(self):
        bench = Bench()
        bench.log.commit(insert(1))
        noted = bench.open_publisher

        def open_publisher(snapshot: bool) -> MemoryPublisher:
            if snapshot:
                bench.store(MemoryPosition(1))
            return noted(snapshot)

        bench.open_publisher = open_publisher  # type: ignore[method-assign]
        await bench.run(1)
        assert numbers(bench.broker.records()) == [], "the other one has taken the snapshot"

    @virtual
    async def test_one_that_the_source_decides_on_has_a_publisher_of_its_own_too(self):
        """As with snapshot.mode=always: something is stored, and the source takes another snapshot."""

        async def again() -> AsyncIterator[ChangeBatch]:
            yield rows(1, position=MemoryPosition(1, snapshot=True), boundary=False)
            yield rows(2, position=MemoryPosition(1))
            await asyncio.Event().wait()

        bench = Bench(script=again)
        bench.store(MemoryPosition(0))
        with mock.patch.object(NotedSource, "takes_snapshot", new=True):
            await bench.run(1)
        begun = bench.steps.index("source: start at {'transactions': 0, 'changes': 0}")
        assert bench.steps[begun + 1 : begun + 5] == [
            "publisher: close",
            "snapshot publisher: start",
            "load offset",
            "snapshot publisher: begin",
        ]
        assert bench.committed()[1:] == [[1, 2]]
        assert bench.status.state is State.STREAMING

    @virtual
    async def test_another_instance_that_comes_before_such_a_snapshot_is_left_its_work(self):
        bench = Bench()
        bench.store(MemoryPosition(0))
        noted = bench.open_publisher

        def open_publisher(snapshot: bool) -> MemoryPublisher:
            if snapshot:
                bench.store(MemoryPosition(7))
            return noted(snapshot)

        bench.open_publisher = open_publisher  # type: ignore[method-assign]
        with (
            mock.patch.object(NotedSource, "takes_snapshot", new=True),
            pytest.raises(KafkaUnavailable, match="another instance has published"),
        ):
            await bench.session().run()
        assert numbers(bench.broker.records()) == []

    @virtual
    async def test_another_instance_that_comes_between_the_publishers_is_seen_after_the_snapshot(self):
        bench = Bench()
        bench.log.commit(insert(1))
        noted = bench.open_publisher

        def open_publisher(snapshot: bool) -> MemoryPublisher:
            if bench.committed() == [[1]]:
                bench.store(MemoryPosition(7))
            return noted(snapshot)

        bench.open_publisher = open_publisher  # type: ignore[method-assign]
        with pytest.raises(ExceptionGroup) as caught:
            await bench.session().run()
        assert caught.group_contains(KafkaUnavailable, match="another instance has published")


class Slow(MemoryPublisher):
    """Takes its time to send, so that batches wait."""

    seconds = 0.001

    async def send(self, records):
        await asyncio.sleep(self.seconds)
        await super().send(records)


class Slower(Slow):
    seconds = 0.45


class TestGrouping:
    async def stream(self, *sizes: int, **settings: float) -> list[int]:
        """Publish transactions of the given sizes, ready at once, and return the sizes of the Kafka transactions."""
        bench = Bench(settings=settings, batch_rows=5)
        bench.store(MemoryPosition(0))
        bench.open_publisher = lambda snapshot: Slow(bench.broker)  # type: ignore[method-assign]
        for size in sizes:
            bench.log.commit(*map(insert, range(size)))
        await bench.run(60)
        assert len(bench.broker.records()) == sum(sizes)
        return [len(transaction.records) for transaction in bench.broker.transactions if transaction.records]

    @virtual
    async def test_small_transactions_share_one(self):
        assert await self.stream(*[1] * 50) == [50]

    @virtual
    async def test_rows_end_it_at_a_commit(self):
        assert await self.stream(*[3] * 8, transaction_rows=7) == [9, 9, 6]

    @virtual
    async def test_bytes_end_it_at_a_commit(self):
        # A record of PlainConverter has 3 bytes of key and 8 of value.
        assert await self.stream(*[1] * 6, transaction_bytes=22) == [2, 2, 2]

    @virtual
    async def test_it_never_ends_inside_a_source_transaction(self):
        assert await self.stream(12, 1, 12, transaction_rows=1) == [12, 1, 12]

    @virtual
    async def test_seconds_end_it_at_a_commit(self):
        async def steady() -> AsyncIterator[ChangeBatch]:
            for number in range(1, 13):
                await asyncio.sleep(0.2)
                yield rows(number)

        bench = Bench(script=steady, settings={"transaction_seconds": 1.0})
        bench.store(MemoryPosition(0))
        bench.open_publisher = lambda snapshot: Slower(bench.broker)  # type: ignore[method-assign]
        await bench.run(30)
        sizes = [len(transaction.records) for transaction in bench.broker.transactions if transaction.records]
        assert sizes == [3, 3, 3, 3], "0.45 s a batch: the limit of 1 s is reached with the third"

    @virtual
    async def test_under_light_load_each_commits_at_once(self):
        async def light() -> AsyncIterator[ChangeBatch]:
            for number in range(1, 4):
                await asyncio.sleep(1)
                yield rows(number)
            await asyncio.Event().wait()

        bench = Bench(script=light)
        bench.store(MemoryPosition(0))
        await bench.run(5)
        assert [part for part in bench.committed() if part] == [[1], [2], [3]]


class TestSplitting:
    """Streaming has 60 s for a transaction, so one that has not ended after 30 s is cut."""

    async def endless(self) -> Bench:
        async def script() -> AsyncIterator[ChangeBatch]:
            for number in range(10):
                await asyncio.sleep(8)
                done = number == 9
                position = MemoryPosition(1) if done else MemoryPosition(0, number + 1)
                yield rows(number, position=position, boundary=done, continues=number)
            yield rows(99, position=MemoryPosition(2))
            await asyncio.Event().wait()

        bench = Bench(script=script)
        bench.store(MemoryPosition(0))
        await bench.run(100)
        return bench

    @virtual
    async def test_the_parts(self):
        bench = await self.endless()
        assert [part for part in bench.committed() if part] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9], [99]]

    @virtual
    async def test_their_offsets_say_how_far_they_came(self):
        bench = await self.endless()
        assert [dict(offset) for offset in bench.offsets()[1:4]] == [
            {"transactions": 0, "changes": 4},
            {"transactions": 0, "changes": 8},
            {"transactions": 1, "changes": 0},
        ]

    @virtual
    async def test_records_of_later_parts_say_how_many_came_before(self):
        bench = await self.endless()
        headers = [dict(record.headers).get(CONTINUES_HEADER) for record in bench.broker.records()]
        assert headers == [None] * 4 + [b"4"] * 4 + [b"8"] * 2 + [None]

    @virtual
    async def test_so_do_all_that_an_encoder_makes_of_one_batch_in_one_transaction(self):
        async def script() -> AsyncIterator[ChangeBatch]:
            yield rows(1, 2, 3, position=MemoryPosition(1), continues=5)
            await asyncio.Event().wait()

        bench = Bench(script=script)
        bench.encoder = Apart()
        bench.store(MemoryPosition(0, 5))
        await bench.run(1)
        assert bench.committed() == [[], [1, 2, 3]]
        assert [record.headers for record in bench.broker.records()] == [((CONTINUES_HEADER, b"5"),)] * 3
        assert (bench.status.rows, bench.status.records) == (3, 3)

    @virtual
    async def test_what_follows_in_the_same_kafka_transaction_does_not(self):
        async def script() -> AsyncIterator[ChangeBatch]:
            yield rows(1, position=MemoryPosition(1), continues=5)
            yield rows(2, position=MemoryPosition(1, 1), boundary=False)
            yield rows(3, position=MemoryPosition(2), continues=1)
            await asyncio.Event().wait()

        bench = Bench(script=script)
        bench.store(MemoryPosition(0, 5))
        bench.open_publisher = lambda snapshot: Slow(bench.broker)  # type: ignore[method-assign]
        await bench.run(1)
        assert bench.committed() == [[], [1, 2, 3]]
        headers = [dict(record.headers).get(CONTINUES_HEADER) for record in bench.broker.records()]
        assert headers == [b"5", None, None]

    @virtual
    async def test_one_that_stops_in_the_middle_is_not_held_open(self):
        async def stuck() -> AsyncIterator[ChangeBatch]:
            yield rows(1, position=MemoryPosition(0, 1), boundary=False)
            await asyncio.Event().wait()

        bench = Bench(script=stuck)
        bench.store(MemoryPosition(0))
        await bench.run(29.9)
        assert bench.committed() == [[]]
        bench = Bench(script=stuck)
        bench.store(MemoryPosition(0))
        await bench.run(30.1)
        assert bench.committed() == [[], [1]]


class TestPositionsWithoutRows:
    @virtual
    async def test_the_first_is_stored_at_once(self):
        bench = Bench(snapshot=False)
        await bench.run(0.1)
        assert bench.offsets() == [{"transactions": 0, "changes": 0}]

    @virtual
    async def test_then_they_are_stored_every_ten_seconds(self):
        times: list[tuple[float, int]] = []

        class Timed(MemoryPublisher):
            async def commit(self, partition, offset):
                await super().commit(partition, offset)
                times.append((round(now(), 2), offset["transactions"]))

        async def moving() -> AsyncIterator[ChangeBatch]:
            for number in range(1000):
                yield rows(position=MemoryPosition(number))
                await asyncio.sleep(0.3)

        bench = Bench(script=moving)
        bench.store(MemoryPosition(0))
        bench.open_publisher = lambda snapshot: Timed(bench.broker)  # type: ignore[method-assign]
        await bench.run(35)
        assert times == [(0.0, 0), (10.2, 34), (20.4, 68), (30.6, 102)]
        assert [position.transactions for position in bench.source.acknowledged] == [0, 34, 68, 102]  # type: ignore[attr-defined]

    @virtual
    async def test_a_last_one_does_not_wait_for_another(self):
        async def once() -> AsyncIterator[ChangeBatch]:
            yield rows(position=MemoryPosition(1))
            await asyncio.sleep(1)
            yield rows(position=MemoryPosition(2))
            await asyncio.Event().wait()

        bench = Bench(script=once)
        bench.store(MemoryPosition(0))
        await bench.run(12)
        assert [offset["transactions"] for offset in bench.offsets()] == [0, 1, 2]

    @virtual
    async def test_rows_take_them_along(self):
        async def both() -> AsyncIterator[ChangeBatch]:
            yield rows(position=MemoryPosition(1))
            await asyncio.sleep(1)
            yield rows(position=MemoryPosition(2))
            await asyncio.sleep(1)
            yield rows(7, position=MemoryPosition(3))
            await asyncio.Event().wait()

        bench = Bench(script=both)
        bench.store(MemoryPosition(0))
        await bench.run(15)
        assert [offset["transactions"] for offset in bench.offsets()] == [0, 1, 3]

    @virtual
    async def test_ownership_is_checked_every_thirty_seconds(self):
        bench = Bench()
        bench.store(MemoryPosition(0))
        await bench.run(125)
        stored, first, *later = bench.offsets()
        assert later == [stored] * 4 == [first] * 4

    @virtual
    async def test_an_idle_instance_that_was_fenced_notices(self):
        bench = Bench()
        bench.store(MemoryPosition(0))
        session = asyncio.create_task(bench.session().run())
        await asyncio.sleep(1)
        bench.broker.take_over(MemoryPublisher(bench.broker))
        with pytest.raises(ExceptionGroup) as caught:
            await session
        assert caught.group_contains(Fenced)
        assert now() <= 41

    @virtual
    async def test_before_anything_was_read_nothing_is_stored(self):
        async def slow() -> AsyncIterator[ChangeBatch]:
            await asyncio.Event().wait()
            yield rows(1)

        bench = Bench(script=slow)
        bench.status.position = MemoryPosition(5)  # of the session before this one
        bench.store(MemoryPosition(6))
        await bench.run(100)
        assert bench.offsets() == [{"transactions": 6, "changes": 0}]


class TestFailures:
    @virtual
    async def test_a_source_that_breaks_ends_it(self):
        async def breaking() -> AsyncIterator[ChangeBatch]:
            yield rows(1, position=MemoryPosition(0, 1), boundary=False)
            await asyncio.sleep(1)
            raise SourceUnavailable("the connection broke", "Wait.")

        bench = Bench(script=breaking)
        bench.store(MemoryPosition(0))
        with pytest.raises(ExceptionGroup) as caught:
            await bench.session().run()
        assert caught.group_contains(SourceUnavailable)
        assert bench.steps[-2:] == ["source: stop", "publisher: close"]
        assert bench.committed() == [[]], "what was open is aborted"

    @virtual
    async def test_a_keep_alive_that_breaks_ends_it(self):
        bench = Bench()
        session = bench.session()

        async def keep_alive() -> None:
            await asyncio.sleep(1)
            raise SourceUnavailable("the connection broke", "Wait.")

        bench.source.keep_alive = keep_alive  # type: ignore[method-assign]
        with pytest.raises(ExceptionGroup) as caught:
            await session.run()
        assert caught.group_contains(SourceUnavailable)
        assert bench.steps[-2:] == ["source: stop", "publisher: close"]

    @virtual
    async def test_a_start_that_fails_closes_both(self):
        bench = Bench()

        async def start(stored) -> None:
            raise SourceUnavailable("connection refused", "Wait.")

        session = bench.session()
        bench.source.start = start  # type: ignore[method-assign]
        with pytest.raises(SourceUnavailable):
            await session.run()
        assert bench.steps[-2:] == ["source: stop", "snapshot publisher: close"]

    @virtual
    async def test_what_the_slot_has_lost_is_an_error(self):
        bench = Bench()
        bench.store(MemoryPosition(0))
        bench.log.commit(insert(1))
        bench.log.acknowledged = 1
        with pytest.raises(SourceLost):
            await bench.session().run()

    @virtual
    async def test_a_slot_that_a_later_instance_has_moved_is_not_lost(self):
        bench = Bench()
        bench.store(MemoryPosition(0))
        bench.log.commit(insert(1))
        load = bench.load_offset

        async def load_and_be_overtaken(publisher):
            offset = await load(publisher)
            if bench.log.acknowledged == 0:
                bench.store(MemoryPosition(1))
                bench.log.acknowledged = 1
            return offset

        bench.load_offset = load_and_be_overtaken  # type: ignore[method-assign]
        with pytest.raises(Fenced, match="another instance has started and published up to"):
            await bench.session().run()
        assert bench.steps[-1] == "publisher: close"

    @virtual
    @pytest.mark.parametrize("seconds", [0, 0.5, 3])
    async def test_cancellation_passes_through_and_closes_both(self, seconds):
        async def endless() -> AsyncIterator[ChangeBatch]:
            for number in range(1000):
                yield rows(number, position=MemoryPosition(0, number + 1), boundary=False)
                await asyncio.sleep(1)

        bench = Bench(script=endless)
        bench.store(MemoryPosition(0))
        session = asyncio.create_task(bench.session().run())
        await asyncio.sleep(seconds)
        session.cancel()
        with pytest.raises(asyncio.CancelledError):
            await session
        if seconds:
            assert bench.steps[-2:] == ["source: stop", "publisher: close"]
        assert bench.committed() == [[]]
        assert asyncio.all_tasks() == {asyncio.current_task()}


class TestStatus:
    @virtual
    async def test_what_is_counted(self):
        bench = Bench()
        bench.log.commit(insert(1), insert(2))
        await bench.run(1)
        bench.log.commit(insert(3))
        await bench.run(1)
        status = bench.status
        assert (status.rows, status.records, status.transactions) == (3, 3, 2)
        assert status.record_bytes == sum(len(r.key or b"") + len(r.value or b"") for r in bench.broker.records())
        assert status.commits == len(bench.broker.transactions)
        assert status.position == MemoryPosition(2)

    @virtual
    async def test_what_is_committed_counts_although_the_source_breaks_at_once(self):
        bench = Bench()
        bench.store(MemoryPosition(0))
        bench.log.commit(insert(1))
        session = bench.session()

        def acknowledge(position):
            if position.transactions:
                raise SourceUnavailable("the connection broke", "Wait.")

        bench.source.acknowledge = acknowledge  # type: ignore[method-assign]
        with pytest.raises(ExceptionGroup):
            await session.run()
        assert bench.committed() == [[], [], [1]]
        assert (bench.status.rows, bench.status.commits) == (1, 2)

    @virtual
    async def test_values_that_became_null_are_counted_and_some_are_logged(self, caplog):
        async def with_problems() -> AsyncIterator[ChangeBatch]:
            batch = rows(1)
            batch.problems.extend(Unconvertible("s.t", "text", str(number), "too wide") for number in range(5))
            batch.problems.append(Unconvertible("s.t", "text", "kept", "too wide", row=0))
            yield batch
            await asyncio.Event().wait()

        bench = Bench(script=with_problems)
        bench.store(MemoryPosition(0))
        with caplog.at_level(logging.WARNING):
            await bench.run(1)
        assert bench.status.nulled_values == 5
        assert [record.getMessage() for record in caplog.records] == [
            f"value '{number}' of s.t.text became null: too wide" for number in range(3)
        ]
