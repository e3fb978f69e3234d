"""The whole pipeline on a simulated server and a simulated broker, in virtual time, with everything going wrong that can.

Real are the session, the pipeline with its retries, the PostgreSQL source and its decoder. Simulated are a log that is pruned up to what was
acknowledged and sent again from there, a broker with transactions that fences, aborts what is too old, and takes requests late, and processes that
are killed at any moment, cut off, stopped for a while, or started twice. A seed decides all of it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from cdc.config.settings import PipelineSettings
from cdc.errors import CdcError, Fenced, KafkaUnavailable, SourceRefused, SourceUnavailable
from cdc.model.batch import ChangeBatch
from cdc.model.position import Offset
from cdc.model.records import RecordBatch
from cdc.pipeline.encoding import DirectEncoder
from cdc.pipeline.engine import Pipeline
from cdc.pipeline.session import CONTINUES_HEADER, Session
from cdc.pipeline.status import PipelineStatus
from cdc.sources.postgres.wal.position import PostgresPosition
from cdc.testing.memory import KafkaTransaction, MemoryBroker, MemoryPublisher
from tests.unit.pipeline.virtual_time import now, run
from tests.unit.sources.postgres.walsender import SimulatedLog, SimulatedPostgres, SimulatedStream, virtual_clock

PARTITION = {"server": "p"}
TIMEOUTS = (60.0, 900.0)
PROCESS_SETTINGS = PipelineSettings(transaction_rows=40, transaction_bytes=2000)


class Converter:
    """Writes `[op, id, text]`."""

    def convert(self, batch: ChangeBatch) -> RecordBatch:
        records = RecordBatch()
        for index in range(len(batch)):
            op, table, _, after, *_ = batch.row(index)
            records.add(table.topic, b"", json.dumps([op, *(after or ())]).encode())
        return records


@dataclass
class Ledger:
    """What must be true of everything that was committed; checked with every Kafka transaction."""

    server: SimulatedPostgres
    broker: MemoryBroker
    streamed: list[int] = field(default_factory=list)
    read: list[tuple[int, int]] = field(default_factory=list)
    complete: bool = False
    seen: frozenset[int] = frozenset()
    last: PostgresPosition = field(default_factory=lambda: PostgresPosition(0))
    splits: int = 0

    def check(self, committed: KafkaTransaction) -> None:
        """Check the newest Kafka transaction."""
        position = PostgresPosition.from_offset(committed.offset)
        rows = [json.loads(record.value or b"") for record in committed.records]
        self._check_headers(committed)
        self.read += [(int(text), number) for op, number, text in rows if op == "r"]
        self.streamed += [number for op, number, _ in rows if op == "c"]
        if position.snapshot:
            assert not self.complete, "the snapshot begins again although it was complete"
            assert not self.streamed, "changes come before the snapshot is complete"
            return
        if not self.complete:
            self._complete_snapshot()
        expected = self.expected(position)
        assert self.streamed == expected, f"at {position}: {_difference(self.streamed, expected)}"
        assert position.lsn >= self.last.lsn, f"the offset goes back from {self.last} to {position}"
        self.splits += position.partial is not None
        self.last = position

    def _complete_snapshot(self) -> None:
        """The last run must hold every row of its view once; an earlier one may have been published in part."""
        self.complete = True
        run_number = self.read[-1][0]
        self.seen = self.server.views[run_number].seen
        visible = [
            change
            for place in sorted(self.seen)
            for change in self.server.transactions[place].changes
            if change is not None
        ]
        assert [number for view, number in self.read if view == run_number] == visible, "rows of the snapshot"

    def expected(self, position: PostgresPosition) -> list[int]:
        """Return the ids that must be published when this position is stored: all before it, and nothing behind."""
        found: list[int] = []
        for place, transaction in enumerate(self.server.transactions):
            if place in self.seen:
                continue
            if transaction.end_lsn <= position.lsn:
                part = len(transaction.changes)
            else:
                part = position.partial[1] if position.partial and position.partial[0] == transaction.commit_lsn else 0
            found += [change for change in transaction.changes[:part] if change is not None]
        return found

    def _check_headers(self, committed: KafkaTransaction) -> None:
        """Records of a later part, and they alone, say how many changes came in earlier parts."""
        partial = self.last.partial
        split = next((each for each in self.server.transactions if partial and each.commit_lsn == partial[0]), None)
        for record in committed.records:
            _, number, _ = json.loads(record.value or b"")
            expected = b"%d" % partial[1] if partial and split and number in split.changes else None
            assert dict(record.headers).get(CONTINUES_HEADER) == expected, f"header of {number}"

    def acknowledge(self, flushed: int) -> None:
        """Take an acknowledgement on its way to the server: nothing may be forgotten that is not stored."""
        offset = self.broker.offset(PARTITION)
        stored = PostgresPosition.from_offset(offset).lsn if offset else 0
        assert flushed <= max(stored, self.server.confirmed or 0), f"acknowledged {flushed:#x}, stored {stored:#x}"
        self.server.confirm(flushed)

    @property
    def all_published(self) -> bool:
        """Whether everything that is committed at the source is committed in Kafka."""
        return self.complete and self.streamed == self.expected(PostgresPosition(self.server.lsn))


def _difference(found: Sequence[int], expected: Sequence[int]) -> str:
    place = next(
        (at for at, (a, b) in enumerate(zip(found, expected, strict=False)) if a != b), min(len(found), len(expected))
    )
    return (
        f"from row {place} on {list(found[place : place + 5])} was published, not {list(expected[place : place + 5])}"
    )


class Process:
    """One instance of the connector, until it is killed or gives up."""

    def __init__(self, world: World, random: Random) -> None:
        self.world = world
        self.random = random
        self.alive = True
        self.streams: list[SimulatedStream] = []
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            await Pipeline(self._session, PROCESS_SETTINGS).run()
        except (Fenced, SourceRefused):  # refused: another instance was quicker to create the slot
            self.world.fenced += 1
        except CdcError as error:
            if not error.retriable:
                self.world.failures.append(error)
        except Exception as error:  # noqa: BLE001 (raised when the history is over)
            self.world.failures.append(error)

    def _session(self, status: PipelineStatus) -> Session[SimulatedPublisher]:
        travel = self._travel(SourceUnavailable)
        return Session(
            SimulatedLog(self.world.server, lambda: self._connected(travel), travel),
            open_publisher=lambda snapshot: SimulatedPublisher(self, TIMEOUTS[snapshot]),
            load_offset=self._load_offset,
            encoder=DirectEncoder(Converter()),
            settings=PROCESS_SETTINGS,
            status=status,
            transaction_timeouts=TIMEOUTS,
            clock=now,
        )

    def _connected(self, travel: Callable[[], Awaitable[None]]) -> SimulatedStream:
        stream = ProcessStream(self, travel)
        self.streams.append(stream)
        return stream

    async def _load_offset(self, publisher: SimulatedPublisher) -> Offset | None:
        await publisher.travel()
        offset = self.world.broker.offset(PARTITION)
        await publisher.travel()
        return offset

    def _travel(self, error: type[CdcError]) -> Callable[[], Awaitable[None]]:
        async def travel() -> None:
            await asyncio.sleep(self.world.delay(self.random))
            await self.stall(self.world.stall_rate)
            await self.breathe()
            if self.world.faults and self.random.random() < self.world.fault_rate:
                raise error("the connection broke", "Wait.")

        return travel

    async def stall(self, likelihood: float) -> None:
        """Stand still for a while, sometimes, as a process that is stopped or swapped out."""
        if self.world.faults and self.random.random() < likelihood:
            await asyncio.sleep(self.random.uniform(5, 100))

    async def breathe(self) -> None:
        """Do nothing any more once the process is killed."""
        if not self.alive:
            await asyncio.Event().wait()

    async def kill(self) -> None:
        """End at once, without a chance to say anything. The server notices later."""
        self.alive = False
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        for stream in self.streams:
            asyncio.get_running_loop().call_later(self.random.uniform(0, 20), stream.release)


class ProcessStream(SimulatedStream):
    """A walsender whose client may be killed or cut off: then it holds the slot for a while."""

    def __init__(self, process: Process, travel: Callable[[], Awaitable[None]]) -> None:
        super().__init__(process.world.server, travel, process.random, process.world.ledger.acknowledge)
        self._process = process

    def send_status(self, flushed: int) -> None:
        if self._process.alive:
            super().send_status(flushed)

    async def close(self) -> None:
        if self._process.alive:
            delay = self._process.random.choice([0, 0, 5]) if self._process.world.faults else 0
            asyncio.get_running_loop().call_later(delay, self.release)


class SimulatedPublisher(MemoryPublisher):
    """A producer behind a network: requests and replies take time, get lost, or arrive when nobody waits any more."""

    def __init__(self, process: Process, timeout: float) -> None:
        super().__init__(process.world.broker, "connector", timeout)
        self._process = process
        self._world = process.world
        self.travel = process._travel(KafkaUnavailable)

    async def start(self) -> None:
        await self._process.stall(5 * self._world.stall_rate)
        await self.travel()
        await super().start()
        await self.travel()

    async def send(self, records: RecordBatch) -> None:
        await self.travel()
        await super().send(records)

    async def commit(self, partition: Mapping[str, str], offset: Offset) -> None:
        transaction = KafkaTransaction(tuple(self._transaction()), dict(partition), dict(offset))
        if "transaction_lsn" in offset and transaction.records:
            assert now() - self._begun > self._timeout * 0.499, "a source transaction was split without need"
        request = self._world.spawn(self._deliver(transaction, self._process.random.random()))
        patience = self._process.random.choice([0.5, 30.0]) if self._world.faults else 30.0
        done, _ = await asyncio.wait({request}, timeout=patience)
        await self._process.breathe()
        if not done:
            raise KafkaUnavailable("no reply in time", "Wait.")
        request.result()
        self._open = None
        await self.travel()

    async def _deliver(self, transaction: KafkaTransaction, luck: float) -> None:
        """Arrive at the broker, perhaps long after; the request is on its way whatever becomes of the process."""
        delay = self._world.delay(self._process.random)
        await asyncio.sleep(delay + 50 * luck if self._world.faults and luck < 0.05 else delay)
        self.broker.check(self)
        if now() - self._begun > self._timeout:
            raise KafkaUnavailable("the transaction was aborted as it took too long", "It is repeated.")
        self.broker.transactions.append(transaction)
        self._world.check(transaction)

    async def close(self) -> None:
        if self._process.alive:
            self._started = False


class World:
    """Everything that a seed decides, and what became of it."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.server = SimulatedPostgres(Random(f"server {seed}"))
        self.broker = MemoryBroker(clock=now)
        self.ledger = Ledger(self.server, self.broker)
        self.failures: list[BaseException] = []
        self.fenced = 0
        self.kills = 0
        self.faults = True
        self.fault_rate = self.random.choice([0, 0, 0.002, 0.01, 0.03])
        self.stall_rate = self.random.choice([0, 0, 0.01, 0.05])
        self.slowness = self.random.choice([0.001, 0.05, 0.5, 3.0])
        self.kill_rate = self.random.choice([0.3, 0.8, 1.0])
        self.batch_rows = self.random.choice([1, 2, 3, 7, 1000])
        self._requests: set[asyncio.Task[None]] = set()
        self._processes: list[Process] = []
        self._ids = iter(range(1, 1_000_000))

    def delay(self, random: Random) -> float:
        """Return how long a message travels, in seconds."""
        return random.random() * self.slowness if self.faults else 0.001

    def spawn(self, request: object) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.ensure_future(request)  # type: ignore[call-overload]
        self._requests.add(task)
        task.add_done_callback(lambda done: done.exception())
        return task

    def check(self, transaction: KafkaTransaction) -> None:
        try:
            self.ledger.check(transaction)
        except Exception as error:  # noqa: BLE001 (raised when the history is over)
            self.failures.append(error)

    async def play(self) -> None:
        """Let everything happen, then heal everything, and check that all arrives."""
        self.server.commit([next(self._ids)])
        for _ in range(self.random.randint(0, 3)):
            self._commit()
        writer = asyncio.create_task(self._write())
        while not writer.done() and not self.failures:
            await self._trouble()
        self.faults = False
        for process in self._processes:
            await process.kill()
        await self._heal()
        for task in self._requests:
            task.cancel()

    def _commit(self) -> None:
        size = self.random.choice([0, 1, 1, 2, 3, 5, 8, 30, 120])
        self.server.commit([next(self._ids) if self.random.random() < 0.8 else None for _ in range(size)])

    async def _write(self) -> None:
        for _ in range(self.random.randint(5, 30)):
            await asyncio.sleep(self.random.expovariate(1 / 8))
            self._commit()
            if self.random.random() < 0.3:
                self.server.work_elsewhere()

    async def _trouble(self) -> None:
        """Start an instance, sometimes beside a living one, and kill it sometimes."""
        for _ in range(self.random.choice([1, 1, 1, 2])):
            process = Process(self, Random(self.random.random()))
            self._processes.append(process)
        await asyncio.wait({process.task}, timeout=self.random.expovariate(1 / 40))
        if self.random.random() < self.kill_rate and process.alive:
            self.kills += 1
            await process.kill()

    async def _heal(self) -> None:
        """Run one instance alone, without faults, until all is published and acknowledged."""
        process = Process(self, Random(0))
        for _ in range(2000):
            if self.failures or (self.ledger.all_published and (self.server.confirmed or 0) >= self.server.lsn):
                break
            await asyncio.sleep(0.5)
        else:
            state = (
                f"published up to {self.ledger.last}, confirmed {self.server.confirmed or 0:#x} of {self.server.lsn:#x}"
            )
            self.failures.append(AssertionError(f"it never ends: {state}"))
        await process.kill()


def simulate(seed: int) -> World:
    """Play one seed; raises what went wrong first."""
    world = run(_play(seed))
    if world.failures:
        raise world.failures[0]
    return world


async def _play(seed: int) -> World:
    world = World(seed)
    with virtual_clock(world.batch_rows):
        await world.play()
    return world
