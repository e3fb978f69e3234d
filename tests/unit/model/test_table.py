"""Tables and the schemas that follow from them, in Debezium's shape."""

from __future__ import annotations

from cdc.model.schema import INT64, STRING, ConnectType, Field, Schema, array, struct
from cdc.model.table import Column, Table, TableId

SOURCE = struct("source", (Field("name", STRING), Field("lsn", INT64), Field("txId", INT64)))
TABLE = Table(
    TableId("s", "t"),
    "p.s.t",
    (Column("id", INT64), Column("name", STRING.as_optional())),
    (1, 0),
    SOURCE,
    {"name": "p"},
)


def test_a_table_prints_as_its_name():
    assert str(TABLE.id) == "s.t"


def test_tables_are_told_apart_by_identity():
    twin = Table(TABLE.id, TABLE.topic, TABLE.columns, TABLE.key, SOURCE, {"name": "p"})
    assert twin != TABLE
    assert len({twin, TABLE}) == 2


def test_what_differs_from_row_to_row():
    assert [field.name for field in TABLE.source_variables] == ["lsn", "txId"]


def test_the_key_schema_follows_the_order_of_the_key():
    key = TABLE.key_schema()
    assert key is not None
    assert (key.name, [field.name for field in key.fields]) == ("p.s.t.Key", ["name", "id"])


def test_a_table_without_key_has_no_key_schema():
    assert Table(TABLE.id, TABLE.topic, TABLE.columns, (), SOURCE).key_schema() is None


def test_the_envelope():
    envelope = TABLE.envelope_schema()
    assert (envelope.name, envelope.version, envelope.optional) == ("p.s.t.Envelope", 2, False)
    names = ["before", "after", "source", "transaction", "op", "ts_ms", "ts_us", "ts_ns"]
    assert [field.name for field in envelope.fields] == names
    before, after = envelope.fields[0].schema, envelope.fields[1].schema
    assert before == after == TABLE.value_schema()
    assert (before.name, before.optional) == ("p.s.t.Value", True)


def test_schemas_are_values():
    assert STRING.as_optional() == Schema(ConnectType.STRING, optional=True)
    assert STRING.with_default("x").default == "x"
    assert STRING.default is None
    assert array(STRING, optional=True) == Schema(ConnectType.ARRAY, optional=True, items=STRING)
    assert hash(struct("a", (Field("b", INT64),))) == hash(struct("a", (Field("b", INT64),)))


def test_a_column_of_the_key_alone_is_in_no_row():
    columns = (Column("name", STRING), Column("id", INT64, key_only=True))
    found = Table(TABLE.id, "p.s.t", columns, (1,), SOURCE)
    assert found.row_columns == columns[:1]
    assert [field.name for field in found.value_schema().fields] == ["name"]
    key = found.key_schema()
    assert key is not None
    assert [field.name for field in key.fields] == ["id"]


def test_schemas_may_have_another_name_than_the_topic():
    found = Table(TABLE.id, "p.s.t-1", TABLE.columns, (0,), SOURCE, record_name="p.s.t_1")
    key = found.key_schema()
    assert key is not None
    assert (key.name, found.value_schema().name) == ("p.s.t_1.Key", "p.s.t_1.Value")
    assert found.envelope_schema().name == "p.s.t_1.Envelope"
