"""How the tables of MySQL are published."""

from typing import Any

import pytest

from cdc.config.columns import ColumnRules, Mask, Truncation
from cdc.config.filters import NameList
from cdc.config.mysql_settings import MySqlSettings
from cdc.config.settings import DecimalMode
from cdc.sources.columns.values import decode_text
from cdc.sources.mysql.ddl.definitions import Definitions
from cdc.sources.mysql.ddl.statements import DdlSession, apply_ddl
from cdc.sources.mysql.ddl.table_json import restored_change, stored_change
from cdc.sources.mysql.schema.handling import ValueHandling
from cdc.sources.mysql.schema.table_schema import TablePlans
from cdc.sources.mysql.schema.types import resolve

DDL = "create table t (a integer, b int(11), c bool, d dec(5,2) unsigned, e nchar(3), f int)"


EACH = ColumnRules(propagated=NameList.parse(r"shop\.t\..*"))


def parameters(ddl: str, **options: Any) -> dict[str, dict[str, str]]:
    """Return the parameters of the columns of `shop.t`."""
    options = {"columns": EACH, **options}
    settings = MySqlSettings(hostname="h", user="u", server_id=1, topic_prefix="p", **options)
    definition = apply_ddl(Definitions(), ddl, DdlSession(database="shop")).definitions.get("shop", "t")
    assert definition is not None
    table = TablePlans(settings).selected(definition).table
    assert table is not None
    return {column.name: dict(column.schema.parameters) for column in table.columns}


def test_a_source_type_is_that_of_the_statement():
    """As in Debezium, which has the server's words after a snapshot alone."""
    told = {
        name: [found.get(f"__debezium.source.column.{word}") for word in ("type", "length", "scale")]
        for name, found in parameters(DDL).items()
    }
    assert told == {
        "a": ["INTEGER", None, None],
        "b": ["INT", "11", None],
        "c": ["BOOL", None, None],
        "d": ["DEC UNSIGNED", "5", "2"],
        "e": ["NCHAR", "3", None],
        "f": ["INT", None, None],
    }


@pytest.mark.parametrize("comments", [False, True])
def test_a_source_type_comes_with_the_comment_where_those_are_published(comments):
    assert parameters("create table t (a int comment 'it''s')", include_schema_comments=comments)["a"] == {
        "__debezium.source.column.type": "INT",
        **({"__debezium.source.column.comment": "it''s"} if comments else {}),
        "__debezium.source.column.name": "a",
    }


@pytest.mark.parametrize(("change", "told"), [(Mask(2), {"masked": "true"}), (Truncation(2), {"truncateLength": "2"})])
def test_one_rule_holds_for_a_column_and_that_of_its_type_is_the_last(change, told):
    rules = ColumnRules(changes=((NameList.parse(r"shop\.t\.a"), change),), propagated=NameList.parse(r"shop\.t\..*"))
    found = parameters("create table t (a varchar(9), b varchar(9))", columns=rules)
    assert found["a"] == told
    assert "__debezium.source.column.type" in found["b"]


DEFAULTS = """create table t (
    v varchar(5) default 'true', b bool default true, f float(5,2) default 1.239,
    t time default '1:2:3', u time default '01:02', d datetime default '2020-1-2 3:4',
    n datetime default now(), m timestamp null default now(), c timestamp(3) not null default now(3),
    x varbinary(4) default 0xFF00, y text(50), i int default b'101', l varchar(5) charset latin1 default 0xE9,
    w varchar(9) binary default 'x', z datetime not null default 0, zt timestamp(6) not null default 0
)"""
AS_DEFAULTS = {
    "v": "true",
    "b": 1,
    "f": 1.24,
    "t": 3_723_000_000,
    "u": 3_720_000_000,
    "d": 1_577_934_240_000,
    "n": 0,
    "m": None,
    "c": "1970-01-01T00:00:00Z",
    "x": b"\xff\x00",
    "y": None,
    "i": 5,
    "l": "é",
    "w": "x",
    "z": 0,
    "zt": "1970-01-01T00:00:00Z",
}


def defaults(definition):
    settings = MySqlSettings(hostname="h", user="u", server_id=1, topic_prefix="p")
    table = TablePlans(settings).selected(definition).table
    assert table is not None
    return {column.name: column.schema.default for column in table.columns}


def test_a_default_is_the_value_that_a_row_without_it_gets():
    """What is known only when a row is written is the epoch, but not in a TIMESTAMP that takes NULL."""
    definition = apply_ddl(Definitions(), DEFAULTS, DdlSession(database="shop")).definitions.get("shop", "t")
    assert defaults(definition) == AS_DEFAULTS


def test_a_definition_that_was_stored_has_the_same_types_and_defaults():
    change = apply_ddl(Definitions(), DEFAULTS, DdlSession(database="shop")).changes[0]
    restored = restored_change(stored_change(change, comments=False)).table
    assert restored is not None
    assert change.table is not None
    assert defaults(restored) == AS_DEFAULTS
    assert [each.type for each in restored.columns] == [each.type for each in change.table.columns]


def test_the_comment_is_part_of_the_source_type_where_comments_are_asked_for():
    rules = ColumnRules(propagated=NameList.parse(".*"))
    ddl = "create table t (a int comment 'it''s', b int)"
    definition = apply_ddl(Definitions(), ddl, DdlSession(database="shop")).definitions.get("shop", "t")
    assert definition is not None
    for asked, expected in ((True, ["it''s", None]), (False, [None, None])):
        settings = MySqlSettings(
            hostname="h", user="u", server_id=1, topic_prefix="p", columns=rules, include_schema_comments=asked
        )
        table = TablePlans(settings).selected(definition).table
        assert table is not None
        found = [column.schema.parameters.get("__debezium.source.column.comment") for column in table.columns]
        assert found == expected


def test_zeros_before_a_number_are_not_part_of_its_text():
    """As row images have none."""
    ddl = "create table t (a decimal(6,2) zerofill default 1.5)"
    definition = apply_ddl(Definitions(), ddl, DdlSession(database="shop")).definitions.get("shop", "t")
    assert definition is not None
    found = resolve(definition.columns[0], ValueHandling(decimal=DecimalMode.STRING))
    assert found is not None
    assert found.schema.default == "1.50"
    shown = [decode_text(found.decoder, text) for text in (b"0001.50", b"0000.00", b"1234.56")]
    assert shown == ["1.50", "0.00", "1234.56"]
