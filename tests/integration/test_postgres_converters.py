"""Custom converters of columns on a real server: snapshot and stream show the same, and what fails follows the policy."""

from __future__ import annotations

from typing import ClassVar

import pytest

from cdc.config.columns import Mask
from cdc.config.definition import Definition
from cdc.config.settings import ConvertingFailure
from cdc.errors import ConversionError
from cdc.model.schema import INT64, STRING
from cdc.sources.columns.converter import ColumnConverters
from cdc.sources.postgres import source as source_module
from tests.integration.test_postgres_columns import changes, seen


class Celsius:
    """Publishes temperatures as texts, and composites, which are of no type that is known, by their length."""

    definition: ClassVar[Definition] = Definition([])

    def __init__(self):
        self.asked = {}

    def configure(self, properties): ...

    def converter_for(self, column, registration):
        self.asked[column.name] = column
        if column.name.startswith("t"):
            registration.register(STRING, lambda value: "none" if value is None else f"{value:.1f} °C")
        elif column.type_name == "pair":
            registration.register(INT64, len)


@pytest.fixture
def converter(monkeypatch):
    made = Celsius()
    original = source_module.PostgresLog.__init__

    def init(self, settings, **more):
        original(self, settings, converters=ColumnConverters([made]), **more)

    monkeypatch.setattr(source_module.PostgresLog, "__init__", init)
    return made


async def test_converted_columns_are_the_same_in_snapshot_and_stream_key_included(database, converter):
    database.execute("create type pair as (a int, b int)")
    database.execute(
        "create table item (t1 float8 primary key, t2 numeric(5,2) default 1.5, p pair, n varchar(10) not null)"
    )
    database.execute("insert into item values (1, null, (1, 2), 'a')")
    found = await seen(database, "insert into item values (2, 3.25, (10, 20), 'b'); delete from item where t1 = 1", 4)
    assert [(e.op, e.key, e.after) for e in found.events[:3]] == [
        ("r", {"t1": "1.0 °C"}, {"t1": "1.0 °C", "t2": "none", "p": 5, "n": "a"}),
        ("c", {"t1": "2.0 °C"}, {"t1": "2.0 °C", "t2": "3.2 °C", "p": 7, "n": "b"}),
        ("d", {"t1": "1.0 °C"}, None),
    ]
    asked = converter.asked["n"], converter.asked["t2"]
    assert [(c.table, c.type_name, c.length, c.optional) for c in asked] == [
        ("public.item", "varchar", 10, False),
        ("public.item", "numeric", 5, True),
    ]
    assert asked[1].scale == 2


async def test_a_mask_hides_what_a_converter_makes(database, converter):
    database.execute("create table item (id int primary key, t float8)")
    database.execute("insert into item values (1, 36.6)")
    found = await seen(database, "insert into item values (2, 36.7)", 2, columns=changes((".*\\.t", Mask(3))))
    assert [e.after for e in found.events] == [{"id": 1, "t": "***"}, {"id": 2, "t": "***"}]


@pytest.mark.parametrize("text", ["'x'", "null"])
async def test_what_a_converter_cannot_convert_follows_the_policy(database, converter, text):
    database.execute("create table item (id int primary key, p pair)".replace("pair", "text"))
    converter.converter_for = lambda column, registration: column.name == "p" and registration.register(INT64, int)
    database.execute(f"insert into item values (1, {text})")
    found = await seen(database, "insert into item values (2, '5')", 2)
    assert [e.after for e in found.events] == [{"id": 1, "p": None}, {"id": 2, "p": 5}]
    database.execute(
        "select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = current_database()"
    )
    with pytest.raises(ConversionError, match=r"public\.item\.p: the converter Celsius failed"):
        await seen(database, "select 1", 2, converting_failure=ConvertingFailure.FAIL)
