"""Dead letters of sources put back: read as they were written, then transformed and converted as the connector does it now."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from cdc.connect.conversion import conversion
from cdc.connect.dead_letter_reader import Letter
from cdc.connect.effective import Effective
from cdc.connect.encoding import RecordEncoder
from cdc.connect.herder import TaskId
from cdc.connect.plugins import Plugins
from cdc.connect.replaying import AsItWas, NotReplayable
from cdc.connect.source_letters import exact_converter
from cdc.connect.tolerance import ErrorSettings, RecordFailed, Tolerance
from cdc.converters.change_records import ChangeRecords
from cdc.errors import ConversionError
from cdc.model.connect_record import Header, SchemaAndValue, SourceRecord
from cdc.model.position import Json
from cdc.model.records import RecordBatch
from cdc.pipeline.session import CONTINUES_HEADER

_MEND_SOURCE: Final = "See what it holds with show, mend the cause, and write the row again at the source."


@dataclass(frozen=True, slots=True)
class ConvertedAnew:
    """A `Forwarder` of the letters of one source connector; others go through `others`.

    A letter holds the record as it came from the task, in the form of `cdc.connect.source_letters`. It goes through the transforms and
    converters that the connector has now, and into the topic that comes out, or into that of `others`.
    """

    connector: str
    encoder: RecordEncoder
    others: AsItWas

    @classmethod
    def by_config(cls, plugins: Plugins, found: Effective, others: AsItWas) -> ConvertedAnew:
        """Return the forwarder for a connector's configuration; raises InvalidConfig."""
        task, errors = TaskId(found.name, 0), ErrorSettings()
        tolerance = Tolerance(errors, task, clock=time.monotonic, sleep=asyncio.sleep)
        encoder = RecordEncoder(
            task, conversion(plugins, found), tolerance, errors, lambda: time.time_ns() // 1_000_000
        )
        return cls(found.name, encoder, others)

    async def records(self, letter: Letter) -> Sequence[RecordBatch]:
        """See `Forwarder.records`."""
        if not letter.from_source:
            return await self.others.records(letter)
        if letter.connector != self.connector:
            fact = f"it is of the source connector {letter.connector}, and the configuration that of {self.connector}"
            raise NotReplayable(
                fact, f"Choose with --connector {self.connector}, or give the configuration of the other."
            )
        try:
            batches = await self.encoder.encode([read_back(letter)])
        except (RecordFailed, ConversionError) as error:
            raise NotReplayable(f"it fails again: {error}", error.remedy) from error
        found = [self._redirected(batch) for batch in batches]
        for batch in found:
            await self.others.partitions.check(batch.topics[0])
        return found

    def _redirected(self, batch: RecordBatch) -> RecordBatch:
        """Return a batch of one record, for the topic that was asked for if one was."""
        if not self.others.to:
            return batch
        _topic, key, value, _headers = batch[0]
        found = RecordBatch()
        found.headers, found.timestamp_ms, found.partition = batch.headers, batch.timestamp_ms, batch.partition
        found.add(self.others.to, key, value)
        return found


def read_back(letter: Letter) -> SourceRecord:
    """Return the record of a source's letter, as it came from the task; it has no timestamp, and so gets that of its replay.

    Raises:
        NotReplayable: the letter is no longer that record, since a value did not fit its schema: a change of a database then holds
            the server's text in its place.
    """
    if letter.errors.get("class.name", "").endswith(f".{ChangeRecords.__name__}"):
        raise NotReplayable(f"its row holds what cannot be published: {letter.problem}", _MEND_SOURCE)
    record, converter = letter.record, exact_converter()
    try:
        key = _fitting("key", converter.to_connect_data("", record.key))
        value = _fitting("value", converter.to_connect_data("", record.value))
        own = [(name, data) for name, data in letter.headers if name != CONTINUES_HEADER]
        headers = [(name, converter.to_connect_header("", name, data)) for name, data in own]
    except ConversionError as error:
        raise NotReplayable(f"it cannot be read back: {error}", _MEND_SOURCE) from error
    return SourceRecord(
        topic=letter.topic,
        key=key.value,
        key_schema=key.schema,
        value=value.value,
        value_schema=value.schema,
        headers=tuple(Header(name, found.schema, found.value) for name, found in headers),
        source_partition={name: str(text) for name, text in _json(letter, "source.partition").items()},
        source_offset=_json(letter, "source.offset"),
    )


def _fitting(part: str, found: SchemaAndValue) -> SchemaAndValue:
    """Return a value with a schema, or null; one without may be what Python shows of a value that did not fit."""
    if found.schema is None and found.value is not None:
        raise NotReplayable(f"its {part} has no schema, and may not be what the source has sent", _MEND_SOURCE)
    return found


def _json(letter: Letter, name: str) -> dict[str, Json]:
    try:
        found: Mapping[str, Json] = orjson.loads(letter.errors.get(name, "{}"))
        return dict(found)
    except (TypeError, ValueError) as error:
        raise NotReplayable(f"its header {name} cannot be read: {error}", _MEND_SOURCE) from error
