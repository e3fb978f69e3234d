"""The schemas of columns, as the connector JSON of Debezium 3.7 shows them, and what is left out."""

from decimal import Decimal

import pytest

from cdc.config.settings import BinaryMode, DecimalMode, HstoreMode, IntervalMode, PostgresSettings, TimeMode
from cdc.model.schema import ConnectType, Field, Schema
from cdc.sources.columns.values import decode_text
from cdc.sources.postgres.schema.handling import ValueHandling
from cdc.sources.postgres.schema.mapping import typmod_scale
from cdc.sources.postgres.schema.types import PgType, TypeResolver

MOOD, MOODS, POSINT, POSINT2, AMOUNT, MOOD_DOMAIN, CITEXT, CITEXTS, LTREE, PAIR, TAGS, POSINTS, RANGE = range(
    16384, 16397
)
HSTORE, HSTORES, VECTOR, VECTORS, HALFVEC, SPARSEVEC, GEOMETRY, GEOMETRIES, GEOGRAPHY = range(16400, 16409)
TYPES = {
    kind.oid: kind
    for kind in (
        PgType(MOOD, "mood", "public", "e", "E", labels=("sad", "ok", "it's, fine")),
        PgType(MOODS, "_mood", "public", category="A", element_oid=MOOD),
        PgType(POSINT, "posint", "public", "d", "N", base_oid=23),
        PgType(POSINT2, "posint2", "public", "d", "N", base_oid=POSINT),
        PgType(AMOUNT, "amount", "public", "d", "N", base_oid=1700, base_typmod=(10 << 16 | 2) + 4),
        PgType(MOOD_DOMAIN, "mooddom", "public", "d", "E", base_oid=MOOD),
        PgType(CITEXT, "citext", "public", category="S"),
        PgType(CITEXTS, "_citext", "public", category="A", element_oid=CITEXT),
        PgType(LTREE, "ltree", "public"),
        PgType(PAIR, "pair", "public", "c", "C"),
        PgType(TAGS, "tags", "public", "d", "A", base_oid=1009),
        PgType(POSINTS, "_posint", "public", category="A", element_oid=POSINT),
        PgType(RANGE, "citext", "public", "r", "R"),
        PgType(HSTORE, "hstore", "public"),
        PgType(HSTORES, "_hstore", "public", category="A", element_oid=HSTORE),
        PgType(VECTOR, "vector", "public"),
        PgType(VECTORS, "_vector", "public", category="A", element_oid=VECTOR),
        PgType(HALFVEC, "halfvec", "public"),
        PgType(SPARSEVEC, "sparsevec", "public"),
        PgType(GEOMETRY, "geometry", "public"),
        PgType(GEOMETRIES, "_geometry", "public", category="A", element_oid=GEOMETRY),
        PgType(GEOGRAPHY, "geography", "public"),
    )
}


def numeric(precision, scale):
    return (precision << 16 | scale & 0x7FF) + 4


def resolve(oid, typmod=-1, types=TYPES, *, not_null=False, default=None, **handling):
    return TypeResolver(types, ValueHandling(**handling)).resolve(oid, typmod, not_null=not_null, default=default)


def shape(schema: Schema) -> str:
    """Write a schema in short: type@name version ? for optional {parameters}."""
    text = f"[{shape(schema.items)}]" if schema.items else schema.type.value
    if schema.name:
        text += f"@{schema.name.replace('org.apache.kafka.connect.data', 'connect').replace('io.debezium', 'iod')} v{schema.version}"
    text += "?" if schema.optional else ""
    return text + (f" {dict(schema.parameters)}" if schema.parameters else "")


class TestSchemas:
    @pytest.mark.parametrize(
        ("oid", "typmod", "expected"),
        [
            (16, -1, "boolean?"),
            (17, -1, "bytes?"),
            (18, -1, "string?"),
            (19, -1, "string?"),
            (20, -1, "int64?"),
            (21, -1, "int16?"),
            (23, -1, "int32?"),
            (25, -1, "string?"),
            (26, -1, "int64?"),
            (114, -1, "string@iod.data.Json v1?"),
            (142, -1, "string@iod.data.Xml v1?"),
            (650, -1, "string?"),
            (700, -1, "float?"),
            (701, -1, "double?"),
            (774, -1, "string?"),
            (790, -1, "bytes@connect.Decimal v1? {'scale': '2'}"),
            (829, -1, "string?"),
            (869, -1, "string?"),
            (1042, 9, "string?"),
            (1043, 14, "string?"),
            (1082, -1, "int32@iod.time.Date v1?"),
            (1083, 0, "int32@iod.time.Time v1?"),
            (1083, 3, "int32@iod.time.Time v1?"),
            (1083, 6, "int64@iod.time.MicroTime v1?"),
            (1083, -1, "int64@iod.time.MicroTime v1?"),
            (1114, 3, "int64@iod.time.Timestamp v1?"),
            (1114, 4, "int64@iod.time.MicroTimestamp v1?"),
            (1114, -1, "int64@iod.time.MicroTimestamp v1?"),
            (1184, 0, "string@iod.time.ZonedTimestamp v1?"),
            (1186, -1, "int64@iod.time.MicroDuration v1?"),
            (1266, 3, "string@iod.time.ZonedTime v1?"),
            (1560, 1, "boolean?"),
            (1560, 3, "bytes@iod.data.Bits v1? {'length': '3'}"),
            (1562, 1, "boolean?"),
            (1562, -1, "bytes@iod.data.Bits v1? {'length': '2147483647'}"),
            (1700, numeric(10, 2), "bytes@connect.Decimal v1? {'scale': '2', 'connect.decimal.precision': '10'}"),
            (1700, numeric(38, 0), "bytes@connect.Decimal v1? {'scale': '0', 'connect.decimal.precision': '38'}"),
            (1700, numeric(6, -2), "bytes@connect.Decimal v1? {'scale': '-2', 'connect.decimal.precision': '6'}"),
            (1700, numeric(3, 5), "bytes@connect.Decimal v1? {'scale': '5', 'connect.decimal.precision': '3'}"),
            (1700, -1, "struct@iod.data.VariableScaleDecimal v1?"),
            (2950, -1, "string@iod.data.Uuid v1?"),
            (3614, -1, "string@iod.data.Tsvector v1?"),
            (3802, -1, "string@iod.data.Json v1?"),
            (3904, -1, "string?"),
            (3910, -1, "string?"),
            (MOOD, -1, "string@iod.data.Enum v1? {'allowed': \"sad,ok,it's, fine\"}"),
            (CITEXT, -1, "string?"),
            (LTREE, -1, "string@iod.data.Ltree v1?"),
        ],
    )
    def test_scalars(self, oid, typmod, expected):
        assert shape(resolve(oid, typmod).schema) == expected

    def test_a_required_column(self):
        assert shape(resolve(23, not_null=True).schema) == "int32"

    def test_the_struct_of_variable_scale(self):
        schema = resolve(1700).schema
        assert schema.doc == "Variable scaled decimal"
        assert schema.fields == (Field("scale", Schema(ConnectType.INT32)), Field("value", Schema(ConnectType.BYTES)))

    @pytest.mark.parametrize(
        ("oid", "expected"),
        [
            (POSINT, "int32?"),
            (POSINT2, "int32?"),
            (AMOUNT, "bytes@connect.Decimal v1? {'scale': '2', 'connect.decimal.precision': '10'}"),
            (MOOD_DOMAIN, "string@iod.data.Enum v1? {'allowed': \"sad,ok,it's, fine\"}"),
            (TAGS, "[string?]?"),
        ],
    )
    def test_a_domain_is_as_its_base(self, oid, expected):
        assert shape(resolve(oid).schema) == expected

    @pytest.mark.parametrize(
        ("oid", "name", "doc", "fields"),
        [
            (600, "Point v1", "Geometry (POINT)", {"x": "double", "y": "double", "wkb": "bytes?", "srid": "int32?"}),
            (601, "Geometry v2?", "Geometry", {"wkb": "bytes", "srid": "int32?", "extensions": "map?"}),
            (602, "Geometry v2?", "Geometry", {"wkb": "bytes", "srid": "int32?", "extensions": "map?"}),
            (603, "Geometry v2?", "Geometry", {"wkb": "bytes", "srid": "int32?", "extensions": "map?"}),
            (604, "Geometry v2?", "Geometry", {"wkb": "bytes", "srid": "int32?", "extensions": "map?"}),
            (628, "Line v1?", "Geometry (LINE)", {"a": "double", "b": "double", "c": "double"}),
            (718, "Circle v1?", "Geometry (CIRCLE)", {"center": "struct@iod.data.geometry.Point v1", "radius": "double"}),
            (GEOMETRY, "Geometry v2?", "Geometry", {"wkb": "bytes", "srid": "int32?", "extensions": "map?"}),
            (GEOGRAPHY, "Geography v1", "Geography", {"wkb": "bytes", "srid": "int32?"}),
        ],
    )  # fmt: skip
    def test_shapes_of_required_columns(self, oid, name, doc, fields):
        schema = resolve(oid, not_null=True).schema
        assert shape(schema) == f"struct@iod.data.geometry.{name}"
        assert schema.doc == doc
        assert {field.name: shape(field.schema) for field in schema.fields} == fields

    @pytest.mark.parametrize(
        ("oid", "expected"),
        [
            (VECTOR, "[double]@iod.data.DoubleVector v1?"),
            (HALFVEC, "[float]@iod.data.FloatVector v1?"),
            (SPARSEVEC, "struct@iod.data.SparseDoubleVector v1?"),
            (VECTORS, "[[double]@iod.data.DoubleVector v1]?"),
        ],
    )
    def test_vectors(self, oid, expected):
        assert shape(resolve(oid).schema) == expected

    def test_the_struct_of_a_sparse_vector(self):
        dimensions, vector = resolve(SPARSEVEC).schema.fields
        assert (dimensions.name, shape(dimensions.schema)) == ("dimensions", "int16")
        assert (vector.name, shape(vector.schema)) == ("vector", "map")
        assert (shape(vector.schema.keys), shape(vector.schema.values)) == ("int16", "double")

    def test_elements_of_boxes_and_geometries_have_their_own_delimiters(self):
        boxes, geometries = (resolve(oid) for oid in (1020, GEOMETRIES))
        assert shape(boxes.schema) == shape(geometries.schema) == "[struct@iod.data.geometry.Geometry v2?]?"
        found = decode_text(boxes.decoder, b"{(1,1),(0,0);NULL;(2,2),(1,1)}")
        assert [each and each[2] for each in found] == [["type", "box"], None, ["type", "box"]]
        empty = "010700000000000000"
        assert (
            decode_text(geometries.decoder, f"{{{empty}:{empty}}}".encode()) == [[bytes.fromhex(empty), None, None]] * 2
        )

    @pytest.mark.parametrize(
        ("oid", "typmod", "expected"),
        [
            (1007, -1, "[int32?]?"),
            (1005, -1, "[int16?]?"),
            (1016, -1, "[int64?]?"),
            (1028, -1, "[int64?]?"),
            (1009, -1, "[string?]?"),
            (1015, 9, "[string?]?"),
            (1014, 7, "[string?]?"),
            (1231, numeric(10, 2), "[bytes@connect.Decimal v1? {'scale': '2', 'connect.decimal.precision': '10'}]?"),
            (1231, -1, "[struct@iod.data.VariableScaleDecimal v1?]?"),
            (1021, -1, "[float?]?"),
            (1022, -1, "[double?]?"),
            (1000, -1, "[boolean?]?"),
            (1182, -1, "[int32@iod.time.Date v1?]?"),
            (1183, -1, "[int64@iod.time.MicroTime v1?]?"),
            (1115, -1, "[int64@iod.time.MicroTimestamp v1?]?"),
            (1115, 3, "[int64@iod.time.Timestamp v1?]?"),
            (1185, -1, "[string@iod.time.ZonedTimestamp v1?]?"),
            (1270, -1, "[string@iod.time.ZonedTime v1?]?"),
            (2951, -1, "[string@iod.data.Uuid v1?]?"),
            (199, -1, "[string@iod.data.Json v1?]?"),
            (3807, -1, "[string@iod.data.Json v1?]?"),
            (1001, -1, "[bytes?]?"),
            (1041, -1, "[string?]?"),
            (3905, -1, "[string?]?"),
            (3643, -1, "[string@iod.data.Tsvector v1]?"),
            (MOODS, -1, "[string@iod.data.Enum v1 {'allowed': \"sad,ok,it's, fine\"}]?"),
            (CITEXTS, -1, "[string?]?"),
        ],
    )
    def test_arrays(self, oid, typmod, expected):
        assert shape(resolve(oid, typmod).schema) == expected

    @pytest.mark.parametrize(
        "oid", [791, 1003, 1187, 1563, 143, 1017, 2201, 3615, 3220, 28, 22, 4451, PAIR, POSINTS, RANGE, 99999], ids=str
    )
    def test_types_that_are_left_out(self, oid):
        catalogue = {
            **TYPES,
            791: PgType(791, "_money", category="A", element_oid=790),
            22: PgType(22, "int2vector", category="A", element_oid=21),
        }
        assert resolve(oid, types=catalogue) is None

    def test_an_array_of_a_type_that_is_gone(self):
        assert resolve(MOODS, types={MOODS: TYPES[MOODS]}) is None

    def test_an_enum_that_grows(self):
        types = dict(TYPES)
        resolver = TypeResolver(types, ValueHandling())
        resolver.resolve(MOODS)
        types[MOOD] = PgType(MOOD, "mood", "public", "e", "E", labels=("sad", "ok", "happy"))
        enum, array = resolver.resolve(MOOD), resolver.resolve(MOODS)
        assert enum is not None
        assert array is not None
        assert shape(enum.schema) == "string@iod.data.Enum v1? {'allowed': 'sad,ok,happy'}"
        assert shape(array.schema) == "[string@iod.data.Enum v1 {'allowed': \"sad,ok,it's, fine\"}]?"


class TestModes:
    @pytest.mark.parametrize(
        ("mode", "date", "millis_time", "time", "millis_timestamp", "timestamp"),
        [
            ("adaptive", "int32@iod.time.Date", "int32@iod.time.Time", "int64@iod.time.MicroTime", "int64@iod.time.Timestamp", "int64@iod.time.MicroTimestamp"),
            ("adaptive_time_microseconds", "int32@iod.time.Date", "int64@iod.time.MicroTime", "int64@iod.time.MicroTime", "int64@iod.time.Timestamp", "int64@iod.time.MicroTimestamp"),
            ("connect", "int32@connect.Date", "int32@connect.Time", "int32@connect.Time", "int64@connect.Timestamp", "int64@connect.Timestamp"),
            ("isostring", "string@iod.time.IsoDate", "string@iod.time.IsoTime", "string@iod.time.IsoTime", "string@iod.time.IsoTimestamp", "string@iod.time.IsoTimestamp"),
            ("microseconds", "int32@iod.time.Date", "int64@iod.time.MicroTime", "int64@iod.time.MicroTime", "int64@iod.time.MicroTimestamp", "int64@iod.time.MicroTimestamp"),
            ("nanoseconds", "int32@iod.time.Date", "int64@iod.time.NanoTime", "int64@iod.time.NanoTime", "int64@iod.time.NanoTimestamp", "int64@iod.time.NanoTimestamp"),
            ("structured", "struct@iod.time.StructuredDate", "struct@iod.time.StructuredTime", "struct@iod.time.StructuredTime", "struct@iod.time.StructuredTimestamp", "struct@iod.time.StructuredTimestamp"),
        ],
    )  # fmt: skip
    def test_times(self, mode, date, millis_time, time, millis_timestamp, timestamp):
        found = [
            shape(resolve(oid, typmod, time=TimeMode(mode)).schema)
            for oid, typmod in ((1082, -1), (1083, 3), (1083, -1), (1114, 0), (1114, -1))
        ]
        assert found == [f"{schema} v1?" for schema in (date, millis_time, time, millis_timestamp, timestamp)]

    @pytest.mark.parametrize("mode", list(TimeMode))
    @pytest.mark.parametrize(
        ("oid", "text"), [(1082, b"2024-02-29"), (1083, b"12:34:56.789123"), (1114, b"2024-02-29 12:34:56.789123")]
    )
    def test_the_decoder_follows_the_schema(self, mode, oid, text):
        column = resolve(oid, time=mode)
        found = decode_text(column.decoder, text)
        if column.schema.type is ConnectType.STRUCT:
            assert len(found) == len(column.schema.fields)
        else:
            assert isinstance(found, str if column.schema.type is ConnectType.STRING else int)

    @pytest.mark.parametrize(
        ("mode", "millis", "micros"),
        [
            ("adaptive", 1709210096789, 1709210096789123),
            ("adaptive_time_microseconds", 1709210096789, 1709210096789123),
            ("connect", 1709210096789, 1709210096789),
            ("isostring", "2024-02-29T12:34:56.789Z", "2024-02-29T12:34:56.789123Z"),
            ("microseconds", 1709210096789000, 1709210096789123),
            ("nanoseconds", 1709210096789000000, 1709210096789123000),
        ],
    )
    def test_timestamps(self, mode, millis, micros):
        assert decode_text(resolve(1114, 3, time=TimeMode(mode)).decoder, b"2024-02-29 12:34:56.789") == millis
        assert decode_text(resolve(1114, 6, time=TimeMode(mode)).decoder, b"2024-02-29 12:34:56.789123") == micros

    def test_zoned_timestamps_are_padded_to_their_precision(self):
        assert decode_text(resolve(1184, 3).decoder, b"2024-02-29 12:34:57+00") == "2024-02-29T12:34:57.000Z"
        assert decode_text(resolve(1185, -1).decoder, b'{"2024-02-29 12:34:57+00"}') == ["2024-02-29T12:34:57.000000Z"]

    def test_times_in_arrays_have_milliseconds(self):
        assert decode_text(resolve(1183).decoder, b"{12:34:56.789123}") == [45296789000]

    @pytest.mark.parametrize(
        ("mode", "schema", "money", "value"),
        [
            (DecimalMode.DOUBLE, "double?", "double?", 12.5),
            (DecimalMode.STRING, "string?", "string?", "12.50"),
            (DecimalMode.PRECISE, "bytes@connect.Decimal v1? {'scale': '2', 'connect.decimal.precision': '10'}", "bytes@connect.Decimal v1? {'scale': '2'}", Decimal("12.50")),
        ],
    )  # fmt: skip
    def test_decimals(self, mode, schema, money, value):
        assert shape(resolve(1700, numeric(10, 2), decimal=mode).schema) == schema
        assert shape(resolve(790, decimal=mode).schema) == money
        assert decode_text(resolve(1700, numeric(10, 2), decimal=mode).decoder, b"12.50") == value
        assert decode_text(resolve(790, decimal=mode).decoder, b"$12.50") == value

    def test_the_fraction_of_money(self):
        column = resolve(790, money_fraction_digits=3)
        assert column.schema.parameters == {"scale": "3"}
        assert decode_text(column.decoder, b"$12.50") == Decimal("12.500")

    @pytest.mark.parametrize(
        ("mode", "schema", "value"),
        [("bytes", "bytes?", b"\xfb\xef\xbe"), ("base64", "string?", "++++"), ("base64-url-safe", "string?", "----"), ("hex", "string?", "fbefbe")],
    )  # fmt: skip
    def test_bytea(self, mode, schema, value):
        column = resolve(17, binary=BinaryMode(mode))
        assert shape(column.schema) == schema
        assert decode_text(column.decoder, b"\\xfbefbe") == value

    def test_intervals(self):
        column = resolve(1186, interval=IntervalMode.STRING)
        assert shape(column.schema) == "string@iod.time.Interval v1?"
        assert decode_text(column.decoder, b"1 day") == "P0Y0M1DT0H0M0S"

    @pytest.mark.parametrize(
        ("oid", "typmod", "name", "fields", "text", "value"),
        [
            (1083, 3, "StructuredTime", "hour minute second nanos precision", b"01:02:03", [1, 2, 3, 0, 3]),
            (1266, -1, "StructuredZonedTime", "hour minute second nanos offsetSeconds precision", b"01:02:03+01", [1, 2, 3, 0, 3600, 6]),
            (1184, 0, "StructuredZonedTimestamp", "year month day hour minute second nanos offsetSeconds zoneId specialValue precision", b"2024-02-29 01:02:03+00", [2024, 2, 29, 1, 2, 3, 0, 0, "Z", None, 0]),
            (1186, -1, "StructuredDuration", "years months days hours minutes seconds nanos precision", b"1 day", [0, 0, 1, 0, 0, 0, 0, 6]),
            (1186, (0x7FFF << 16) | 3, "StructuredDuration", "years months days hours minutes seconds nanos precision", b"1 day", [0, 0, 1, 0, 0, 0, 0, 3]),
        ],
    )  # fmt: skip
    def test_structured_times(self, oid, typmod, name, fields, text, value):
        column = resolve(oid, typmod, not_null=True, time=TimeMode.STRUCTURED)
        assert shape(column.schema) == f"struct@iod.time.{name} v1"
        assert [field.name for field in column.schema.fields] == fields.split()
        assert all(field.schema.optional for field in column.schema.fields)
        assert decode_text(column.decoder, text) == value

    def test_structured_times_in_arrays(self):
        column = resolve(1183, time=TimeMode.STRUCTURED)
        assert shape(column.schema) == "[struct@iod.time.StructuredTime v1?]?"
        assert decode_text(column.decoder, b"{12:34:56.789123,NULL}") == [[12, 34, 56, 789000000, 6], None]

    def test_hstore(self):
        assert shape(resolve(HSTORE).schema) == "string@iod.data.Json v1?"
        schema = resolve(HSTORE, hstore=HstoreMode.MAP, not_null=True).schema
        assert (schema.type, schema.name) == (ConnectType.MAP, None)
        assert (shape(schema.keys), shape(schema.values)) == ("string", "string?")
        assert shape(resolve(HSTORES).schema) == "[string@iod.data.Json v1?]?"

    @pytest.mark.parametrize(
        ("digits", "text", "value"),
        [
            (1, b"$1,234.15", "1234.2"),
            (1, b"-$1,234.15", "-1234.2"),
            (1, b"$1,234.14", "1234.1"),
            (0, b"-$0.50", "-1"),
            (0, b"$0.49", "0"),
            (0, b"-$92,233,720,368,547,758.08", "-92233720368547758"),
        ],
    )
    def test_money_is_rounded_half_up(self, digits, text, value):
        column = resolve(790, money_fraction_digits=digits)
        assert column.schema.parameters == {"scale": str(digits)}
        assert str(decode_text(column.decoder, text)) == value

    @pytest.mark.parametrize(
        ("mode", "schema", "value"),
        [
            ("bytes", "bytes?", b"'fat' <-> 'cat'"),
            ("base64", "string?", "J2ZhdCcgPC0+ICdjYXQn"),
            ("base64-url-safe", "string?", "J2ZhdCcgPC0-ICdjYXQn"),
            ("hex", "string?", "2766617427203c2d3e202763617427"),
        ],
    )
    def test_unknown_types_are_bytes_of_their_text_on_request(self, mode, schema, value):
        column = resolve(3615, binary=BinaryMode(mode), include_unknown=True)
        assert shape(column.schema) == schema
        assert decode_text(column.decoder, b"'fat' <-> 'cat'") == value

    def test_arrays_of_unknown_types_and_of_domains(self):
        column = resolve(POSINTS, include_unknown=True)
        assert shape(column.schema) == "[bytes]?"
        assert decode_text(column.decoder, b"{1,23}") == [b"1", b"23"]
        catalogue = {22: PgType(22, "int2vector", category="A", element_oid=21)}
        assert shape(resolve(22, types=catalogue, include_unknown=True).schema) == "bytes?"

    @pytest.mark.parametrize("oid", [143, 791, 1003, 1017, 1187, 1563, 2201])
    def test_what_debezium_never_publishes(self, oid):
        assert resolve(oid, types={oid: PgType(oid, "_x", category="A", element_oid=1)}, include_unknown=True) is None

    def test_the_settings_of_a_connector(self):
        settings = PostgresSettings(
            "h",
            "d",
            "u",
            "p",
            decimal_mode=DecimalMode.STRING,
            time_mode=TimeMode.CONNECT,
            binary_mode=BinaryMode.HEX,
            interval_mode=IntervalMode.STRING,
            hstore_mode=HstoreMode.MAP,
            money_fraction_digits=4,
            include_unknown_types=True,
        )
        assert ValueHandling.of(settings) == ValueHandling(
            decimal=DecimalMode.STRING,
            time=TimeMode.CONNECT,
            binary=BinaryMode.HEX,
            interval=IntervalMode.STRING,
            hstore=HstoreMode.MAP,
            money_fraction_digits=4,
            include_unknown=True,
        )


@pytest.mark.parametrize(
    ("typmod", "scale"),
    [(-1, None), (numeric(10, 2), 2), (numeric(6, -2), -2), (numeric(1000, 1000), 1000), (numeric(1, -1000), -1000)],
)
def test_the_scale_in_a_type_modifier(typmod, scale):
    assert typmod_scale(typmod) == scale
