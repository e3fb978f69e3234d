"""What a session counts while it runs, and what it says when it has to wait."""

from __future__ import annotations

import asyncio

from cdc.config.settings import PipelineSettings
from cdc.errors import KafkaUnavailable
from cdc.model.event import Transaction
from cdc.pipeline.engine import Pipeline
from cdc.pipeline.status import PipelineStatus, State, Tally
from tests.unit.pipeline.bench import Bench, insert, rows
from tests.unit.pipeline.virtual_time import now, virtual


@virtual
async def test_snapshot_and_stream_are_counted_apart():
    bench = Bench()
    bench.log.commit(insert(1), insert(2), insert(3))
    await bench.session_with(bench.log.commit, insert(4))
    status = bench.status
    assert (status.snapshot.rows, status.streaming.rows) == (3, 1)
    assert (status.snapshot.began, status.snapshot.ended, status.streaming.last) == (0, 0, 1)
    source = status.counts.source
    assert (source.polled.total, source.written.total, source.active) == (4, 4, 0)
    assert (source.transaction_sizes.count, source.transaction_sizes.maximum) == (2, 3)
    assert status.counts.commit_seconds.count == status.commits
    assert status.up


@virtual
async def test_what_was_read_is_pending_until_it_is_committed():
    seen = []

    async def script():
        yield rows(1, 2, boundary=False)
        await asyncio.sleep(5)
        seen.append((bench.status.counts.source.active, bench.status.pending_since))
        yield rows(3)
        await asyncio.sleep(5)
        seen.append((bench.status.counts.source.active, bench.status.pending_since))
        await asyncio.Event().wait()

    bench = Bench(script=script)
    await bench.run(20)
    assert seen == [(2, 0), (0, None)]
    assert bench.status.limit == 60


@virtual
async def test_the_lag_is_from_the_commit_at_the_source_to_that_in_kafka():
    async def script():
        batch = rows(1, 2)
        batch.transactions.extend([Transaction("1", 1, 1_000_000, 1), Transaction("2", 2, 2_000_000, 2)])
        yield batch
        await asyncio.Event().wait()

    bench = Bench(script=script)
    session = bench.session()
    session._wall_ns = lambda: 2_345_000_000
    running = asyncio.ensure_future(session.run())
    await asyncio.sleep(1)
    running.cancel()
    assert bench.status.behind_ms == 345
    assert bench.status.source_transactions == 2


class Broken:
    async def run(self) -> None:
        raise KafkaUnavailable("the broker is gone", "Start it.")


@virtual
async def test_an_outage_is_waited_for_since_its_first_failure_until_something_is_committed():
    pipeline = Pipeline(lambda _: Broken(), PipelineSettings(), clock=now, outages=(KafkaUnavailable,))
    running = asyncio.ensure_future(pipeline.run())
    await asyncio.sleep(100)
    status = pipeline.status
    assert (status.state, status.problem, status.waiting_since) == (State.WAITING, "the broker is gone", 0)
    assert not status.up
    running.cancel()
    status.work()
    assert (status.state, status.problem, status.waiting_since) == (State.STREAMING, "", None)


def test_a_new_session_has_nothing_pending():
    status = PipelineStatus()
    status.read(5, 1, 0.5)
    status.start(2)
    assert (status.counts.source.active, status.pending_since) == (0, None)
    status.read(3, 3, 0.5)
    status.commit(Tally(3, rows=2, records=2), 4, 0.1)
    assert (status.counts.source.active, status.pending_since) == (1, 4)
