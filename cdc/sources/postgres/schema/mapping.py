"""The table of built-in types: the schema that Debezium gives their columns, and the decoder of their text.

Schemas, names, versions and parameters are those of Debezium 3.7 (its documentation, "PostgreSQL data type mappings").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

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
from cdc.sources.columns.numeric import DecimalDecoder, NumericTextDecoder, VariableDecimalDecoder
from cdc.sources.columns.resolved import Mapped, semantic
from cdc.sources.columns.values import FloatDecoder, IntDecoder, TextDecoder
from cdc.sources.postgres.schema import shape_types, time_types
from cdc.sources.postgres.schema.handling import Mapper, ValueHandling, always
from cdc.sources.postgres.values.binary import (
    Base64Decoder,
    BitDecoder,
    BitsDecoder,
    BoolDecoder,
    BytesDecoder,
    HexDecoder,
    OpaqueDecoder,
)
from cdc.sources.postgres.values.money import MoneyDecoder, RoundedMoneyDecoder


def typmod_scale(typmod: int) -> int | None:
    """Return the declared scale of a numeric, which is negative for `numeric(6,-2)`; None for one without."""
    # Eleven bits in two's complement below the precision, behind a header of four bytes.
    return None if typmod < 0 else ((typmod - 4 & 0x7FF) ^ 0x400) - 0x400


def _decimal(scale: int, **more: str) -> Schema:
    return semantic(BYTES, "org.apache.kafka.connect.data.Decimal", scale=str(scale), **more)


def _numeric(handling: ValueHandling, typmod: int) -> Mapped:
    scale = typmod_scale(typmod)
    if handling.decimal is DecimalMode.DOUBLE:
        return FLOAT64, FloatDecoder()
    if handling.decimal is DecimalMode.STRING:
        return STRING, NumericTextDecoder()
    if scale is None:
        return VARIABLE_SCALE_DECIMAL, VariableDecimalDecoder()
    return _decimal(scale, **{"connect.decimal.precision": str(typmod - 4 >> 16)}), DecimalDecoder(scale)


def _money(handling: ValueHandling, _typmod: int) -> Mapped:
    if handling.decimal is DecimalMode.DOUBLE:
        return FLOAT64, MoneyDecoder(FloatDecoder())
    if handling.decimal is DecimalMode.STRING:
        return STRING, MoneyDecoder(NumericTextDecoder())
    scale = handling.money_fraction_digits
    return _decimal(scale), RoundedMoneyDecoder(scale) if scale < 2 else MoneyDecoder(DecimalDecoder(scale))


def _bits(_handling: ValueHandling, typmod: int) -> Mapped:
    if typmod == 1:
        return BOOLEAN, BitDecoder()
    length = typmod if typmod > 0 else 0x7FFFFFFF
    return semantic(BYTES, "io.debezium.data.Bits", length=str(length)), BitsDecoder()


def _bytea(handling: ValueHandling, _typmod: int) -> Mapped:
    match handling.binary:
        case BinaryMode.BYTES:
            return BYTES, BytesDecoder()
        case BinaryMode.HEX:
            return STRING, HexDecoder()
        case mode:
            return STRING, Base64Decoder(url_safe=mode is BinaryMode.BASE64_URL_SAFE)


def opaque(handling: ValueHandling) -> Mapped:
    """Map a type that is not known: its text as bytes."""
    schema, decoder = _bytea(handling, -1)
    return schema, OpaqueDecoder(decoder)


VARIABLE_SCALE_DECIMAL: Final = Schema(
    ConnectType.STRUCT,
    name="io.debezium.data.VariableScaleDecimal",
    version=1,
    doc="Variable scaled decimal",
    fields=(Field("scale", INT32), Field("value", BYTES)),
)
TEXT: Final = TextDecoder()
_PLAIN: Final = always(STRING, TEXT)
_INTEGER: Final = IntDecoder()
_JSON: Final = always(semantic(STRING, "io.debezium.data.Json"), TEXT)

#: The OID of numeric.
NUMERIC: Final = 1700

#: The mapped types of pg_catalog, by OID.
BUILT_IN: Final[Mapping[int, Mapper]] = {
    16: always(BOOLEAN, BoolDecoder()),
    17: _bytea,
    18: _PLAIN,  # "char"
    19: _PLAIN,  # name
    20: always(INT64, _INTEGER),
    21: always(INT16, _INTEGER),
    23: always(INT32, _INTEGER),
    25: _PLAIN,  # text
    26: always(INT64, _INTEGER),  # oid
    114: _JSON,
    142: always(semantic(STRING, "io.debezium.data.Xml"), TEXT),
    600: shape_types.POINT,
    601: shape_types.LINE_SEGMENT,
    602: shape_types.PATH,
    603: shape_types.BOX,
    604: shape_types.POLYGON,
    628: shape_types.LINE,
    650: _PLAIN,  # cidr
    700: always(FLOAT32, FloatDecoder()),
    701: always(FLOAT64, FloatDecoder()),
    718: shape_types.CIRCLE,
    774: _PLAIN,  # macaddr8
    790: _money,
    829: _PLAIN,  # macaddr
    869: _PLAIN,  # inet
    1042: _PLAIN,  # char(n), bpchar
    1043: _PLAIN,  # varchar
    1082: time_types.date,
    1083: time_types.time,
    1114: time_types.timestamp,
    1184: time_types.zoned_timestamp,
    1186: time_types.interval,
    1266: time_types.zoned_time,
    1560: _bits,
    1562: _bits,  # varbit
    NUMERIC: _numeric,
    2950: always(semantic(STRING, "io.debezium.data.Uuid"), TEXT),
    3614: always(semantic(STRING, "io.debezium.data.Tsvector"), TEXT),
    3802: _JSON,  # jsonb
    3904: _PLAIN,  # int4range
    3906: _PLAIN,  # numrange
    3908: _PLAIN,  # tsrange
    3910: _PLAIN,  # tstzrange
    3912: _PLAIN,  # daterange
    3926: _PLAIN,  # int8range
}

#: Array types of pg_catalog, by OID: the OID of their elements.
ARRAYS: Final[Mapping[int, int]] = {
    629: 628,
    719: 718,
    1000: 16,
    1001: 17,
    1002: 18,
    1005: 21,
    1007: 23,
    1009: 25,
    1014: 1042,
    1015: 1043,
    1016: 20,
    1018: 601,
    1019: 602,
    1020: 603,
    1021: 700,
    1022: 701,
    1027: 604,
    1028: 26,
    1040: 829,
    1041: 869,
    1115: 1114,
    1182: 1082,
    1183: 1083,
    1185: 1184,
    1231: 1700,
    1270: 1266,
    1561: 1560,
    199: 114,
    2951: 2950,
    3643: 3614,
    3807: 3802,
    3905: 3904,
    3907: 3906,
    3909: 3908,
    3911: 3910,
    3913: 3912,
    3927: 3926,
    651: 650,
    775: 774,
}

#: Types that Debezium never publishes: arrays of money, name, interval, varbit, xml, point and refcursor.
NEVER: Final = frozenset({143, 791, 1003, 1017, 1187, 1563, 2201})

#: Types that count as arrays in the catalogue, and have a text of their own: int2vector and oidvector.
NO_ARRAYS: Final = frozenset({22, 30})

#: What maps the elements of an array otherwise than a column of their type.
ELEMENTS: Final[Mapping[int, Mapper]] = {1083: time_types.time_element}

#: Types whose elements have a required schema in Debezium, as those of enums have.
REQUIRED_ELEMENTS: Final = frozenset({3614})

#: The delimiter between the elements of an array, where it is no comma: box.
DELIMITERS: Final[Mapping[int, bytes]] = {603: b";"}
