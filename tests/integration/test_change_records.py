"""Every type of the golden cases through both ways, from a real server: the same bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from cdc.config import ConnectorConfig, ConverterSettings, PostgresSettings
from cdc.converters.change_records import ChangeRecords
from cdc.converters.json import JsonConverter
from cdc.converters.simple_header import SimpleHeaderConverter
from cdc.model.batch import ChangeBatch
from cdc.model.position import parse_lsn
from cdc.sources.postgres.source import PostgresLog
from tests.property.test_change_records import single
from tests.support.connector import properties
from tests.support.database import Database
from tests.support.golden.case import Step, load

GOLDEN = Path(__file__).parents[1] / "golden" / "postgres"
TYPES = sorted(path.name for path in GOLDEN.iterdir() if path.name.startswith(("types_", "defaults_", "numeric_")))
OTHERS = ["enum_and_large_text_key", "no_pk", "pk_update", "replica_identity", "table_ddl"]
RULES = [
    "column_exclude",
    "column_mask",
    "message_key_columns",
    "odd_names_avro",
    "odd_names_avro_unicode",
    "propagate_source_type",
]
SHAPING = ("handling.mode", "precision", "column.", "message.key", "adjustment")


def settings(database: Database, given: dict[str, str]) -> PostgresSettings:
    kept = {name: text for name, text in given.items() if any(word in name for word in SHAPING)}
    return ConnectorConfig.from_raw({**properties(database, "localhost:9092", "p"), **kept}).postgres


def run(database: Database, steps: Sequence[Step]) -> int:
    """Execute the statements, those that the database refuses included, and return where its log ends then."""
    with closing(database.connect()) as connection:
        for step in steps:
            with suppress(psycopg.Error):
                connection.execute(step.text.encode() if not step.directive else b"select")
        row = connection.execute("select pg_logical_emit_message(true, 'cdc', ''), pg_current_wal_insert_lsn()::text")
        return parse_lsn((row.fetchone() or ("", "0/0"))[1])


async def read(database: Database, name: str) -> list[ChangeBatch]:
    """Return what the case's tables hold, by the snapshot, and what its steps change, by the stream."""
    case = load(GOLDEN / name)
    run(database, case.setup)
    log = PostgresLog(settings(database, case.properties))
    found: list[ChangeBatch] = []
    end = 0
    await log.start(None)
    try:
        async with asyncio.timeout(60):
            async for batch in log.batches():
                found.append(batch)
                if not end and "snapshot" not in batch.position.offset() and batch.boundary and not len(batch):
                    end = run(database, case.steps)
                if end and batch.position.lsn >= end:
                    return found
    finally:
        await log.stop()
    return found


def assert_same(batch: ChangeBatch, side: ConverterSettings, placeholder: bytes) -> int:
    compiled = JsonConverter(side, side, (("ctx", b"1"),), placeholder).convert(batch)
    reader = ChangeRecords((("ctx", b"1"),), placeholder, {"server": "p"})
    key, value, header = single(side, is_key=True), single(side, is_key=False), SimpleHeaderConverter()
    for index in range(len(batch)):
        record = reader.read(batch, index).record
        made: Any = (
            record.topic,
            key.from_connect_data(record.topic, record.key_schema, record.key),
            value.from_connect_data(record.topic, record.value_schema, record.value),
            tuple((h.key, header.from_connect_header(record.topic, h.key, h.schema, h.value)) for h in record.headers),
        )
        assert made == compiled[index]
    return len(batch)


@pytest.mark.parametrize("name", [*TYPES, *OTHERS, *RULES])
async def test_both_ways_write_the_same_bytes_for_each_golden_case(name, database):
    rows = 0
    for batch in await read(database, name):
        for schemas in (True, False):
            rows += assert_same(batch, ConverterSettings(schemas_enable=schemas), b"__debezium_unavailable_value")
    assert rows > 2
