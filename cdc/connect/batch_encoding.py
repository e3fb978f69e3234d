"""From the batches of a pipeline to bytes, under the error policy: the compiled way, and row by row where it cannot go."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from cdc.connect.encoding import RecordEncoder, Row
from cdc.connect.tolerance import Stage, StageFailed
from cdc.converters.change_records import ChangeRecord, ChangeRecords
from cdc.converters.json import JsonConverter
from cdc.errors import ConversionError
from cdc.model.batch import ChangeBatch
from cdc.model.connect_record import Aside
from cdc.model.records import RecordBatch
from cdc.pipeline.encoding import BatchEncoder, NewEncoder

#: Rows that are converted one by one before others on the event loop have their turn.
ROWS_AT_ONCE: Final = 50


@dataclass(frozen=True, slots=True)
class RowEncoder:
    """A `BatchEncoder` that makes a record of each row, for transforms and for converters of single values."""

    rows: ChangeRecords
    records: RecordEncoder

    async def encode(self, batch: ChangeBatch) -> Sequence[RecordBatch]:
        """See `BatchEncoder.encode`; raises RecordFailed."""
        found: list[RecordBatch] = []
        beside = deque(batch.asides)
        for index in range(len(batch)):
            while beside and beside[0].row <= index:
                await self.add_aside(found, batch, beside.popleft())
            await self.add(found, batch, index)
            if index % ROWS_AT_ONCE == ROWS_AT_ONCE - 1:
                await asyncio.sleep(0)
        for aside in beside:
            await self.add_aside(found, batch, aside)
        return found

    async def add_aside(self, found: list[RecordBatch], batch: ChangeBatch, aside: Aside) -> None:
        """Add what a record beside the rows becomes."""
        record = aside.record
        if aside.context:
            record = replace(record, headers=(*record.headers, *self.rows.context))
        await self.records.add(found, record, batch.stamp_ns // 1_000_000, Row(sign=aside.sign))

    async def add(self, found: list[RecordBatch], batch: ChangeBatch, index: int) -> None:
        """Add what one row becomes."""
        row = self.rows.read(batch, index)
        now = batch.stamp_ns // 1_000_000
        await self.records.add(found, row.record, now, Row(row.table, self._failed(row)))

    def _failed(self, row: ChangeRecord) -> StageFailed | None:
        """Return the failure of a row that its schemas cannot carry: neither transform nor converter is to see it."""
        if row.fault is None:
            return None
        stage = Stage.KEY_CONVERTER if row.fault.in_key else Stage.VALUE_CONVERTER
        return StageFailed(stage, ChangeRecords, row.fault.error)


@dataclass(frozen=True, slots=True)
class CompiledEncoder:
    """A `BatchEncoder` that converts whole batches, and one by one only the rows that the compiled converter refuses."""

    converter: JsonConverter
    single: RowEncoder

    async def encode(self, batch: ChangeBatch) -> Sequence[RecordBatch]:
        """See `BatchEncoder.encode`; raises RecordFailed."""
        found = await self._rows(batch) if len(batch) else []
        for aside in batch.asides:  # of topics of their own, so their order among the rows does not matter
            await self.single.add_aside(found, batch, aside)
        return found

    async def _rows(self, batch: ChangeBatch) -> list[RecordBatch]:
        try:
            return [self.converter.convert(batch)]
        except ConversionError:
            return await self._around_refused(batch)

    async def _around_refused(self, batch: ChangeBatch) -> list[RecordBatch]:
        found: list[RecordBatch] = []
        for part in self._parts(batch, 0, len(batch)):
            if isinstance(part, RecordBatch):
                found.append(part)
            else:
                await self.single.add(found, batch, part)
                await asyncio.sleep(0)
        return found

    def _parts(self, batch: ChangeBatch, start: int, stop: int) -> Iterator[RecordBatch | int]:
        """Yield, in order, the records of rows that can be converted, and the places of those that cannot, by halving."""
        try:
            yield self.converter.convert_rows(batch, start, stop)
        except ConversionError:
            if stop - start == 1:
                yield start
                return
            middle = (start + stop) // 2
            yield from self._parts(batch, start, middle)
            yield from self._parts(batch, middle, stop)


def batch_encoders(records: RecordEncoder, *, by_record: bool) -> NewEncoder:
    """Return what makes the encoders of a pipeline; `by_record` where there are transforms or other converters."""

    def make(converter: JsonConverter, rows: ChangeRecords) -> BatchEncoder:
        single = RowEncoder(rows, records)
        return single if by_record else CompiledEncoder(converter, single)

    return make
