"""The table of column types: the schema that Debezium gives them, and the decoder of their values.

Schemas, names, versions and parameters are those of Debezium 3.6 (its documentation, "MySQL data type mappings"). A mapper gets the column as it is
defined and, for rows of the binlog, as their images have it; without that it maps the text that a SELECT returns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

from cdc.config.mysql_settings import UnsignedMode
from cdc.config.settings import BinaryMode, DecimalMode
from cdc.model.schema import (
    BOOLEAN,
    BYTES,
    FLOAT32,
    FLOAT64,
    INT16,
    INT32,
    INT64,
    STRING,
    ConnectType,
    Field,
    Schema,
)
from cdc.sources.columns.numeric import DecimalDecoder, NumericTextDecoder
from cdc.sources.columns.resolved import Mapped, semantic
from cdc.sources.columns.values import FloatDecoder, IntDecoder, TextDecoder, ValueDecoder
from cdc.sources.mysql.binlog.image_types import COMPRESSED
from cdc.sources.mysql.binlog.table_map import ImageColumn
from cdc.sources.mysql.ddl.definitions import ColumnDefinition
from cdc.sources.mysql.schema import time_types
from cdc.sources.mysql.schema.handling import ValueHandling
from cdc.sources.mysql.values.addresses import inet4_text, inet6_text
from cdc.sources.mysql.values.binary import (
    BytesDecoder,
    EncodedBytesDecoder,
    PaddedDecoder,
    base64_decoder,
    hex_decoder,
)
from cdc.sources.mysql.values.charsets import charset_of, text_decoder
from cdc.sources.mysql.values.compressed import CompressedDecoder
from cdc.sources.mysql.values.json import JsonDecoder
from cdc.sources.mysql.values.json_text import JsonTextDecoder
from cdc.sources.mysql.values.numeric import (
    BitDecoder,
    BitsDecoder,
    ImageDecimalDecoder,
    ImageEnumDecoder,
    ImageFloatDecoder,
    ImageIntDecoder,
    ImageSetDecoder,
    ImageUnsignedDecimalDecoder,
    ImageYearDecoder,
    SingleDecoder,
    UnsignedDecoder,
)
from cdc.sources.mysql.values.partial_json import PatchedJsonDecoder
from cdc.sources.mysql.values.shapes import GeometryDecoder, PointDecoder, VectorDecoder

#: Maps a column under a handling: one of row images, or of text (None).
Mapper = Callable[[ColumnDefinition, ValueHandling, ImageColumn | None], Mapped]


def _integer(signed: Schema, unsigned: Schema) -> Mapper:
    """Return the mapper of an integer whose values without sign need a wider schema."""

    def mapper(column: ColumnDefinition, _handling: ValueHandling, image: ImageColumn | None) -> Mapped:
        schema = unsigned if column.unsigned else signed
        if image is not None:
            return schema, ImageIntDecoder(column.unsigned)
        return schema, UnsignedDecoder() if column.unsigned else IntDecoder()

    return mapper


_LONG: Final = _integer(INT64, INT64)


def _bigint(column: ColumnDefinition, handling: ValueHandling, image: ImageColumn | None) -> Mapped:
    if not column.unsigned or handling.unsigned is UnsignedMode.LONG:
        return _LONG(column, handling, image)
    schema = decimal_schema(20, 0)
    return schema, DecimalDecoder(0) if image is None else ImageUnsignedDecimalDecoder()


def _float(column: ColumnDefinition, _handling: ValueHandling, image: ImageColumn | None) -> Mapped:
    schema, text = (FLOAT32, SingleDecoder()) if column.scale is None else (FLOAT64, FloatDecoder())
    return schema, text if image is None else ImageFloatDecoder()


def _double(_column: ColumnDefinition, _handling: ValueHandling, image: ImageColumn | None) -> Mapped:
    return FLOAT64, FloatDecoder() if image is None else ImageFloatDecoder()


def decimal_schema(precision: int, scale: int) -> Schema:
    """Return the schema of Connect's Decimal."""
    parameters = {"scale": str(scale), "connect.decimal.precision": str(precision)}
    return semantic(BYTES, "org.apache.kafka.connect.data.Decimal", **parameters)


def _decimal(column: ColumnDefinition, handling: ValueHandling, image: ImageColumn | None) -> Mapped:
    precision, scale = column.length or 10, column.scale or 0
    schema, number = _number(handling.decimal, precision, scale)
    if image is None and schema is STRING and "ZEROFILL" in column.type:
        number = EncodedBytesDecoder(_unfilled)
    return schema, number if image is None else ImageDecimalDecoder(image.length, image.scale, number)


def _unfilled(digits: bytes) -> bytes:
    """Return a number of a ZEROFILL column without the zeros that the server prints before it, as row images have none."""
    shown = digits.lstrip(b"0")
    return shown if shown[:1].isdigit() else b"0" + shown


def _number(mode: DecimalMode, precision: int, scale: int) -> Mapped:
    match mode:
        case DecimalMode.DOUBLE:
            return FLOAT64, FloatDecoder()
        case DecimalMode.STRING:
            return STRING, NumericTextDecoder()
        case _:
            return decimal_schema(precision, scale), DecimalDecoder(scale)


def _bit(column: ColumnDefinition, _handling: ValueHandling, _image: ImageColumn | None) -> Mapped:
    length = column.length or 1
    if length == 1:
        return BOOLEAN, BitDecoder()
    return semantic(BYTES, "io.debezium.data.Bits", length=str(length)), BitsDecoder()


def _year(_column: ColumnDefinition, _handling: ValueHandling, image: ImageColumn | None) -> Mapped:
    return semantic(INT32, "io.debezium.time.Year"), IntDecoder() if image is None else ImageYearDecoder()


def _text(column: ColumnDefinition, _handling: ValueHandling, image: ImageColumn | None) -> Mapped:
    if image is None:
        return STRING, TextDecoder()
    return STRING, text_decoder((column.charset or "") if image.collation is None else charset_of(image.collation))


def _stored(mapper: Mapper) -> Mapper:
    """Return a mapper of what MariaDB may have compressed."""

    def wrapper(column: ColumnDefinition, handling: ValueHandling, image: ImageColumn | None) -> Mapped:
        schema, decoder = mapper(column, handling, image)
        return schema, CompressedDecoder(decoder) if image is not None and image.type in COMPRESSED else decoder

    return wrapper


def _labelled(name: str, of_image: Callable[[tuple[str, ...]], ValueDecoder]) -> Mapper:
    """Return the mapper of ENUM or SET."""

    def mapper(column: ColumnDefinition, _handling: ValueHandling, image: ImageColumn | None) -> Mapped:
        allowed = ",".join(map(_escaped_label, column.values))
        schema = semantic(STRING, f"io.debezium.data.{name}", allowed=allowed)
        return schema, TextDecoder() if image is None else of_image(column.values)

    return mapper


def _escaped_label(label: str) -> str:
    """Return a label of ENUM or SET as it stands in a list parted by commas; Debezium escapes MySQL's alone."""
    return label.replace("\\", r"\\").replace(",", r"\,")


def _bytes(_column: ColumnDefinition, handling: ValueHandling, _image: ImageColumn | None) -> Mapped:
    match handling.binary:
        case BinaryMode.BYTES:
            return BYTES, BytesDecoder()
        case BinaryMode.HEX:
            return STRING, hex_decoder()
        case mode:
            return STRING, base64_decoder(mode is BinaryMode.BASE64_URL_SAFE)


def _binary(column: ColumnDefinition, handling: ValueHandling, image: ImageColumn | None) -> Mapped:
    schema, decoder = _bytes(column, handling, image)
    return schema, PaddedDecoder(decoder, column.length or 1)


def _named(schema: Schema, size: int, text_of: Callable[[bytes], str]) -> Mapper:
    """Return the mapper of a type of MariaDB that is bytes of a size in row images, and a text elsewhere."""
    encoded = EncodedBytesDecoder(lambda value: text_of(value).encode())
    return lambda _column, _handling, image: (
        schema,
        TextDecoder() if image is None else PaddedDecoder(encoded, size),
    )


def _json(_column: ColumnDefinition, _handling: ValueHandling, image: ImageColumn | None) -> Mapped:
    decoder = JsonTextDecoder() if image is None else PatchedJsonDecoder(JsonDecoder())
    return semantic(STRING, "io.debezium.data.Json"), decoder


def _shape(schema: Schema, decoder: ValueDecoder) -> Mapper:
    """Return the mapper of what has the same bytes everywhere."""
    return lambda _column, _handling, _image: (schema, decoder)


def _struct(name: str, doc: str, *fields: Field, optional: bool) -> Schema:
    name = f"io.debezium.data.geometry.{name}"
    return Schema(ConnectType.STRUCT, optional=optional, name=name, version=1, doc=doc, fields=fields)


_SRID: Final = Field("srid", INT32.as_optional())
_X_Y: Final = Field("x", FLOAT64), Field("y", FLOAT64)
_POINT: Final = _shape(
    _struct("Point", "Geometry (POINT)", *_X_Y, Field("wkb", BYTES.as_optional()), _SRID, optional=False),
    PointDecoder(),
)
# Debezium has it as optional in a column that is NOT NULL too.
_GEOMETRY: Final = _shape(_struct("Geometry", "Geometry", Field("wkb", BYTES), _SRID, optional=True), GeometryDecoder())
_FLOAT_VECTOR: Final = Schema(ConnectType.ARRAY, name="io.debezium.data.FloatVector", version=1, items=FLOAT32)

#: By base type. A type that is not here is not published, as in Debezium.
MAPPERS: Final[Mapping[str, Mapper]] = {
    "TINYINT": _integer(INT16, INT16),
    "SMALLINT": _integer(INT16, INT32),
    "MEDIUMINT": _integer(INT32, INT32),
    "INT": _integer(INT32, INT64),
    "BIGINT": _bigint,
    "FLOAT": _float,
    "DOUBLE": _double,
    "DECIMAL": _decimal,
    "BIT": _bit,
    "YEAR": _year,
    "DATE": time_types.date,
    "TIME": time_types.time,
    "DATETIME": time_types.datetime,
    "TIMESTAMP": time_types.timestamp,
    **dict.fromkeys(("CHAR", "VARCHAR", "TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT"), _stored(_text)),
    "ENUM": _labelled("Enum", ImageEnumDecoder),
    "SET": _labelled("EnumSet", ImageSetDecoder),
    "BINARY": _binary,
    **dict.fromkeys(("VARBINARY", "TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB"), _stored(_bytes)),
    "UUID": _named(semantic(STRING, "io.debezium.data.Uuid"), 16, lambda value: str(UUID(bytes=value))),
    "INET4": _named(STRING, 4, inet4_text),
    "INET6": _named(STRING, 16, inet6_text),
    "JSON": _json,
    "POINT": _POINT,
    **dict.fromkeys(
        (
            "GEOMETRY",
            "LINESTRING",
            "POLYGON",
            "MULTIPOINT",
            "MULTILINESTRING",
            "MULTIPOLYGON",
            "GEOMETRYCOLLECTION",
            "GEOMCOLLECTION",
        ),
        _GEOMETRY,
    ),
    "VECTOR": _shape(_FLOAT_VECTOR, VectorDecoder()),
}
