"""What stands for large values that an update has not changed, as the server leaves them out of its log."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from typing import Any

import pytest

from cdc.config import ConverterSettings
from cdc.config.settings import HstoreMode
from cdc.config.snapshot import SnapshotMode
from cdc.converters.change_records import ChangeRecords
from cdc.converters.json import JsonConverter
from cdc.model.batch import ChangeBatch
from cdc.sources.postgres.source import PostgresLog
from tests.integration.postgres_log import settings
from tests.support.database import Database

PLACEHOLDER = b"__debezium_unavailable_value"
TEXT = PLACEHOLDER.decode()
BASE64 = b64encode(PLACEHOLDER).decode()
#: Type, what the server computes for a large value of it, and what Debezium's manual and tests show for it when it is not in the log.
COLUMNS: dict[str, tuple[str, str, Any]] = {
    "words": ("text", "repeat('x', 9000)", TEXT),
    "data": ("bytea", "decode(repeat('00', 9000), 'hex')", BASE64),
    "document": ("jsonb", "to_jsonb(repeat('x', 9000))", TEXT),
    "markup": ("json", "to_json(repeat('x', 9000))", TEXT),
    "tags": ("text[]", "array[repeat('x', 9000)]", [TEXT]),
    "names": ("varchar(9000)[]", "array[repeat('x', 9000)]", [TEXT]),
    "parts": ("bytea[]", "array[decode(repeat('00', 9000), 'hex')]", [BASE64]),
    "small": ("int[]", "array(select generate_series(1, 3000))", list(PLACEHOLDER)),
    "large": ("bigint[]", "array(select generate_series(1, 3000))", list(PLACEHOLDER)),
    "ids": ("uuid[]", "array_fill(gen_random_uuid(), array[900])", ["b68a35a7-17ad-35b3-af2a-ae46edb4545a"]),
}
HSTORE = "hstore('k', repeat('x', 9000))"


def create(database: Database, columns: dict[str, tuple[str, str, Any]]) -> None:
    """Create a table with a row, whose values are stored out of line and as they are."""
    defined = ", ".join(f"{name} {kind}" for name, (kind, *_) in columns.items())
    values = ", ".join(value for _, value, _ in columns.values())
    database.execute(f"create table item (id int primary key, changed int, {defined})")
    for name in columns:
        database.execute(f"alter table item alter {name} set storage external")
    database.execute(f"insert into item values (1, 0, {values})")


async def updated(database: Database, **options: Any) -> ChangeBatch:
    """Return the batch with an update of the row that leaves the large values as they are."""
    log = PostgresLog(settings(database, snapshot_mode=SnapshotMode.NO_DATA, **options))
    try:
        await log.start(None)
        database.execute("update item set changed = 1")
        async with asyncio.timeout(60):
            async for batch in log.batches():
                if len(batch):
                    return batch
    finally:
        await log.stop()
    raise AssertionError("the stream has ended")


def images(batch: ChangeBatch) -> list[dict[str, Any]]:
    """Return the row after its update as the compiled converter shows it, and as records for transforms do."""
    plain = ConverterSettings(schemas_enable=False)
    compiled = json.loads(JsonConverter(plain, plain, (), PLACEHOLDER).convert(batch)[0][2] or "null")
    value: Any = ChangeRecords((), PLACEHOLDER, {}).read(batch, 0).record.value
    return [compiled["after"], json.loads(json.dumps(value["after"], default=lambda data: b64encode(data).decode()))]


async def test_the_placeholder_has_the_form_of_the_type(database):
    create(database, COLUMNS)
    expected = {"id": 1, "changed": 1, **{name: shown for name, (*_, shown) in COLUMNS.items()}}
    assert images(await updated(database)) == [expected, expected]


@pytest.mark.parametrize(
    ("mode", "shown"), [(HstoreMode.MAP, {TEXT: TEXT}), (HstoreMode.JSON, f'{{"{TEXT}":"{TEXT}"}}')], ids=str
)
async def test_of_hstore_it_is_a_map_and_as_json_that_map(database, mode, shown):
    database.execute("create extension hstore")
    create(database, {"pairs": ("hstore", HSTORE, shown)})
    expected = {"id": 1, "changed": 1, "pairs": shown}
    assert images(await updated(database, hstore_mode=mode)) == [expected, expected]


async def test_with_replica_identity_full_the_old_row_brings_the_values(database):
    create(database, {"words": COLUMNS["words"]})
    database.execute("alter table item replica identity full")
    assert images(await updated(database)) == [{"id": 1, "changed": 1, "words": "x" * 9000}] * 2
