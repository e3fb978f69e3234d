"""The table of built-in types: the schema that Debezium gives their columns, and the decoder of their text.

Schemas, names, versions and parameters are those of Debezium 3.7 (its documentation, "PostgreSQL data type mappings").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from cdc.config.settings import BinaryMode, DecimalMode, IntervalMode, PostgresSettings, TimeMode
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
from cdc.sources.postgres.binary import Base64Decoder, BitDecoder, BitsDecoder, BytesDecoder, HexDecoder
from cdc.sources.postgres.interval import IsoIntervalDecoder, MicrosIntervalDecoder
from cdc.sources.postgres.numeric import DecimalDecoder, MoneyDecoder, NumericTextDecoder, VariableDecimalDecoder
from cdc.sources.postgres.temporal import (
    DateDecoder,
    IsoDateDecoder,
    IsoTimeDecoder,
    IsoTimestampDecoder,
    MicrosDecoder,
    MillisDecoder,
    NanosDecoder,
    TimeDecoder,
    ZonedTimeDecoder,
)
from cdc.sources.postgres.values import BoolDecoder, FloatDecoder, IntDecoder, TextDecoder, ValueDecoder


@dataclass(frozen=True, slots=True)
class ValueHandling:
    """How the values of one connector are published; `money_fraction_digits` is the scale of money."""

    decimal: DecimalMode = DecimalMode.PRECISE
    time: TimeMode = TimeMode.ADAPTIVE
    binary: BinaryMode = BinaryMode.BYTES
    interval: IntervalMode = IntervalMode.NUMERIC
    money_fraction_digits: int = 2

    @classmethod
    def of(cls, settings: PostgresSettings) -> ValueHandling:
        """Return what a connector's settings say."""
        return cls(settings.decimal_mode, settings.time_mode, settings.binary_mode, settings.interval_mode)


#: The schema of a required column, and the decoder of its text.
Mapped = tuple[Schema, ValueDecoder]
#: Maps a type under a handling and a type modifier (`pg_attribute.atttypmod`, -1 where there is none).
Mapper = Callable[[ValueHandling, int], Mapped]


def semantic(base: Schema, name: str, **parameters: str) -> Schema:
    """Return `base` with a semantic name, version 1, and parameters in the order given."""
    return Schema(base.type, name=name, version=1, parameters=parameters)


def typmod_scale(typmod: int) -> int | None:
    """Return the declared scale of a numeric, which is negative for `numeric(6,-2)`; None for one without."""
    # Eleven bits in two's complement below the precision, behind a header of four bytes.
    return None if typmod < 0 else ((typmod - 4 & 0x7FF) ^ 0x400) - 0x400


def _same(schema: Schema, decoder: ValueDecoder) -> Mapper:
    return lambda _handling, _typmod: (schema, decoder)


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
    return _decimal(scale), MoneyDecoder(DecimalDecoder(scale))


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


def _date(handling: ValueHandling, _typmod: int) -> Mapped:
    match handling.time:
        case TimeMode.CONNECT:
            return semantic(INT32, "org.apache.kafka.connect.data.Date"), DateDecoder()
        case TimeMode.ISOSTRING:
            return semantic(STRING, "io.debezium.time.IsoDate"), IsoDateDecoder()
        case _:
            return semantic(INT32, "io.debezium.time.Date"), DateDecoder()


def _precision(typmod: int) -> int:
    """Return the digits of a second's fraction; a type without declared precision has six."""
    return typmod if 0 <= typmod <= 6 else 6


def _time(handling: ValueHandling, typmod: int, resolution: int = 1) -> Mapped:
    match handling.time:
        case TimeMode.CONNECT:
            return semantic(INT32, "org.apache.kafka.connect.data.Time"), TimeDecoder(3, resolution)
        case TimeMode.ISOSTRING:
            return semantic(STRING, "io.debezium.time.IsoTime"), IsoTimeDecoder(resolution)
        case TimeMode.NANOSECONDS:
            return semantic(INT64, "io.debezium.time.NanoTime"), TimeDecoder(9, resolution)
        case TimeMode.ADAPTIVE if _precision(typmod) <= 3:
            return semantic(INT32, "io.debezium.time.Time"), TimeDecoder(3, resolution)
        case _:
            return semantic(INT64, "io.debezium.time.MicroTime"), TimeDecoder(6, resolution)


def _time_element(handling: ValueHandling, typmod: int) -> Mapped:
    # Debezium reads the times of an array as java.sql.Time, which has milliseconds.
    return _time(handling, typmod, resolution=1000)


def _timestamp(handling: ValueHandling, typmod: int) -> Mapped:
    match handling.time:
        case TimeMode.CONNECT:
            return semantic(INT64, "org.apache.kafka.connect.data.Timestamp"), MillisDecoder()
        case TimeMode.ISOSTRING:
            return semantic(STRING, "io.debezium.time.IsoTimestamp"), IsoTimestampDecoder()
        case TimeMode.NANOSECONDS:
            return semantic(INT64, "io.debezium.time.NanoTimestamp"), NanosDecoder()
        case TimeMode.ADAPTIVE | TimeMode.ADAPTIVE_TIME_MICROSECONDS if _precision(typmod) <= 3:
            return semantic(INT64, "io.debezium.time.Timestamp"), MillisDecoder()
        case _:
            return semantic(INT64, "io.debezium.time.MicroTimestamp"), MicrosDecoder()


def _timestamptz(_handling: ValueHandling, typmod: int) -> Mapped:
    return semantic(STRING, "io.debezium.time.ZonedTimestamp"), IsoTimestampDecoder(_precision(typmod), zoned=True)


def _interval(handling: ValueHandling, _typmod: int) -> Mapped:
    if handling.interval is IntervalMode.STRING:
        return semantic(STRING, "io.debezium.time.Interval"), IsoIntervalDecoder()
    return semantic(INT64, "io.debezium.time.MicroDuration"), MicrosIntervalDecoder()


VARIABLE_SCALE_DECIMAL: Final = Schema(
    ConnectType.STRUCT,
    name="io.debezium.data.VariableScaleDecimal",
    version=1,
    doc="Variable scaled decimal",
    fields=(Field("scale", INT32), Field("value", BYTES)),
)
TEXT: Final = TextDecoder()
_PLAIN: Final = _same(STRING, TEXT)
_INTEGER: Final = IntDecoder()
_JSON: Final = _same(semantic(STRING, "io.debezium.data.Json"), TEXT)

#: The OID of numeric.
NUMERIC: Final = 1700

#: The mapped types of pg_catalog, by OID.
BUILT_IN: Final[Mapping[int, Mapper]] = {
    16: _same(BOOLEAN, BoolDecoder()),
    17: _bytea,
    18: _PLAIN,  # "char"
    19: _PLAIN,  # name
    20: _same(INT64, _INTEGER),
    21: _same(INT16, _INTEGER),
    23: _same(INT32, _INTEGER),
    25: _PLAIN,  # text
    26: _same(INT64, _INTEGER),  # oid
    114: _JSON,
    142: _same(semantic(STRING, "io.debezium.data.Xml"), TEXT),
    650: _PLAIN,  # cidr
    700: _same(FLOAT32, FloatDecoder()),
    701: _same(FLOAT64, FloatDecoder()),
    774: _PLAIN,  # macaddr8
    790: _money,
    829: _PLAIN,  # macaddr
    869: _PLAIN,  # inet
    1042: _PLAIN,  # char(n), bpchar
    1043: _PLAIN,  # varchar
    1082: _date,
    1083: _time,
    1114: _timestamp,
    1184: _timestamptz,
    1186: _interval,
    1266: _same(semantic(STRING, "io.debezium.time.ZonedTime"), ZonedTimeDecoder()),
    1560: _bits,
    1562: _bits,  # varbit
    NUMERIC: _numeric,
    2950: _same(semantic(STRING, "io.debezium.data.Uuid"), TEXT),
    3614: _same(semantic(STRING, "io.debezium.data.Tsvector"), TEXT),
    3802: _JSON,  # jsonb
    3904: _PLAIN,  # int4range
    3906: _PLAIN,  # numrange
    3908: _PLAIN,  # tsrange
    3910: _PLAIN,  # tstzrange
    3912: _PLAIN,  # daterange
    3926: _PLAIN,  # int8range
}

#: The mapped types of extensions, by name.
EXTENSIONS: Final[Mapping[str, Mapper]] = {
    "citext": _PLAIN,
    "isbn": _PLAIN,
    "ltree": _same(semantic(STRING, "io.debezium.data.Ltree"), TEXT),
}

#: Array types of pg_catalog, by OID: the OID of their elements. Debezium has no schema for arrays of money, name, interval, varbit and xml.
ARRAYS: Final[Mapping[int, int]] = {
    1000: 16,
    1001: 17,
    1002: 18,
    1005: 21,
    1007: 23,
    1009: 25,
    1014: 1042,
    1015: 1043,
    1016: 20,
    1021: 700,
    1022: 701,
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

#: What maps the elements of an array otherwise than a column of their type.
ELEMENTS: Final[Mapping[int, Mapper]] = {1083: _time_element}

#: Types whose elements have a required schema in Debezium, as those of enums have.
REQUIRED_ELEMENTS: Final = frozenset({3614})
