"""Random rows of random types on a real server: snapshot and stream give the same records, and psycopg reads the same values."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import psycopg
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from psycopg import sql

from cdc.config import (
    BinaryMode,
    ConnectorConfig,
    ConverterSettings,
    DecimalMode,
    HstoreMode,
    IntervalMode,
    PostgresSettings,
    TimeMode,
)
from cdc.converters.json import JsonConverter
from cdc.model.batch import ChangeBatch
from cdc.model.change import read_event
from cdc.model.position import parse_lsn
from cdc.sources.postgres.protocol.connection import SESSION_OPTIONS
from cdc.sources.postgres.source import PostgresLog
from tests.support.column_types import KINDS, Kind, array_of, prepare, register
from tests.support.connector import properties
from tests.support.database import Database, created, dropped

SECONDS = 120
SECOND_HALF = 1000  # what is added to the ids of the rows that are streamed
NUMBERS = count(1)

ALL = (*KINDS, *(array_of(kind) for kind in KINDS if kind.in_arrays))
AT_ONCE = 15  # columns in a test of all kinds
modes = st.fixed_dictionaries(
    {},
    optional={
        "decimal_mode": st.sampled_from(DecimalMode),
        "time_mode": st.sampled_from(TimeMode),
        "binary_mode": st.sampled_from(BinaryMode),
        "interval_mode": st.sampled_from(IntervalMode),
        "hstore_mode": st.sampled_from(HstoreMode),
        "money_fraction_digits": st.integers(0, 4),
    },
)


@dataclass(frozen=True, slots=True)
class Given:
    """A table: its columns, each over so many domains, and its rows, as texts."""

    columns: tuple[tuple[Kind, int], ...]
    rows: tuple[tuple[str | None, ...], ...]


def tables_of(columns: Sequence[tuple[Kind, int]]) -> st.SearchStrategy[Given]:
    row = st.tuples(*(st.none() | kind.texts for kind, _ in columns))
    return st.lists(row, min_size=1, max_size=5).map(lambda rows: Given(tuple(columns), tuple(rows)))


columns = st.tuples(st.sampled_from(ALL), st.sampled_from((0, 0, 0, 1, 2)))
tables = st.lists(columns, min_size=1, max_size=30).flatmap(tables_of)


@pytest.fixture(scope="module")
def server(postgres) -> Iterator[Database]:
    database = created(postgres)
    try:
        with closing(database.connect()) as connection:
            prepare(connection)
        yield database
    finally:
        dropped(database)


def create(connection: psycopg.Connection[Any], table: str, given: Given) -> None:
    """Create the table with its domains, and insert its rows."""
    made = []
    for at, (kind, depth) in enumerate(given.columns):
        of = kind.name
        for level in range(depth):
            name = f"{table}_{at}_{level}"
            connection.execute(f"create domain {name} as {of}".encode())
            of = name
        made.append(f"c{at} {of}")
    connection.execute(f"create table {table} (id int primary key, {', '.join(made)})".encode())
    values = ", ".join(f"%s::text::{kind.name}" for kind, _ in given.columns)
    for number, row in enumerate(given.rows):
        connection.execute(f"insert into {table} values ({number}, {values})".encode(), row)


def insert_again(connection: psycopg.Connection[Any], table: str, width: int) -> int:
    """Insert the rows once more, and return where the log ends then."""
    names = ", ".join(f"c{at}" for at in range(width))
    connection.execute(f"insert into {table} select id + {SECOND_HALF}, {names} from {table} order by id".encode())
    found = connection.execute("select pg_logical_emit_message(true, 'x', ''), pg_current_wal_insert_lsn()::text")
    return parse_lsn((found.fetchone() or ("", ""))[1])


async def captured(given: PostgresSettings, again: Callable[[], int]) -> list[ChangeBatch]:
    """Return what the snapshot gives, and then what the stream gives of what `again` writes."""
    log = PostgresLog(given)
    batches: list[ChangeBatch] = []
    end = 0
    await log.start(None)
    try:
        async with asyncio.timeout(SECONDS):
            async for batch in log.batches():
                batches.append(batch)
                streaming = "snapshot" not in batch.position.offset()
                if streaming and not end:
                    end = await asyncio.to_thread(again)
                elif streaming and batch.boundary and batch.position.lsn >= end:
                    break
    finally:
        await log.stop()
    return batches


def drop(connection: psycopg.Connection[Any], table: str) -> None:
    """Drop the example's slot, once the server has seen its reader go."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            connection.execute(b"select pg_drop_replication_slot(%s)", (table,))
            return
        except psycopg.errors.ObjectInUse:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def run(server: Database, given: Given, handling: dict[str, Any]) -> tuple[list[ChangeBatch], list[tuple[Any, Any]]]:
    """Return the batches of an example, and what psycopg reads of its rows with the OIDs of their columns."""
    table = f"t{next(NUMBERS)}"
    config = ConnectorConfig.from_raw(properties(server, "localhost:9092", "p")).postgres
    tables = ConnectorConfig.from_raw(
        {**properties(server, "localhost:9092", "p"), "table.include.list": f"public.{table}"}
    ).source.tables
    with closing(server.connect(options=SESSION_OPTIONS)) as connection:
        create(connection, table, given)
        again = lambda: insert_again(connection, table, len(given.columns))  # noqa: E731
        batches = asyncio.run(captured(replace(config, slot_name=table, tables=tables, **handling), again))
        loaded = list(read_columns(connection, table, len(given.columns)))
        drop(connection, table)
        connection.execute(f"drop table {table}".encode())
    return batches, loaded


def read_columns(connection: psycopg.Connection[Any], table: str, width: int) -> Iterator[tuple[Any, Any]]:
    """Yield for each column its OID and its values, None where psycopg cannot load one of them."""
    register(connection)
    for at in range(width):
        query = sql.SQL("select {} from {} where id < {} order by id")
        cursor = connection.execute(query.format(sql.Identifier(f"c{at}"), sql.Identifier(table), SECOND_HALF))
        assert cursor.description is not None
        oid = cursor.description[0].type_code
        try:
            yield oid, [value for (value,) in cursor]
        except psycopg.DataError:
            yield oid, None


def payloads(batches: Sequence[ChangeBatch]) -> tuple[list[Any], list[Any]]:
    """Return the rows of the snapshot and of the stream as JSON: schema and image, without the part of the id that differs."""
    convert = JsonConverter(ConverterSettings(), ConverterSettings(), (), b"__debezium_unavailable_value").convert
    found: dict[str, list[Any]] = {"r": [], "c": []}
    for batch in batches:
        records = convert(batch)
        for at in range(len(records)):
            read = json.loads(records[at][2] or "null")
            image = read["payload"]["after"]
            found[read["payload"]["op"]].append((read["schema"], image | {"id": image["id"] % SECOND_HALF}))
    return found["r"], found["c"]


@settings(max_examples=15)
@given(tables, modes)
def test_snapshot_and_stream_give_the_same_records(server, given, handling):
    batches, _ = run(server, given, handling)
    snapshot, stream = payloads(batches)
    assert len(snapshot) == len(given.rows)
    assert snapshot == stream


@pytest.mark.parametrize("first", range(0, len(ALL), AT_ONCE))
@settings(max_examples=5, phases=set(Phase) - {Phase.shrink})
@given(st.data())
def test_psycopg_reads_the_same_values(server, first, data):
    given = data.draw(tables_of([(kind, 0) for kind in ALL[first : first + AT_ONCE]]))
    batches, columns = run(server, given, {})
    events = [read_event(batch, at) for batch in batches for at in range(len(batch))]
    snapshot = [event.after or {} for event in events if event.op == "r"]
    for at, ((kind, _), (oid, loaded)) in enumerate(zip(given.columns, columns, strict=True)):
        for row, value in zip(snapshot, loaded or (), strict=bool(loaded)):
            ours = row[f"c{at}"]
            if value is None:
                assert ours is None
            elif kind.agrees is not None:
                assert kind.agrees(ours, value, oid), (kind.name, ours, value)
