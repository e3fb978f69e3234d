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
from cdc.sources.postgres.numeric import DecimalDecoder, NumericTextDecoder, VariableDecimalDecoder
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


def numeric_scale(typmod: int) -> int | None:
    """Return the declared scale of a numeric, which is negative for `numeric(6,-2)`; None for one without."""
    # Eleven bits in two's complement below the precision, behind a header of four bytes.
    return None if typmod < 0 else ((typmod - 4 & 0x7FF) ^ 0x400) - 0x400


def _same(schema: Schema, decoder: ValueDecoder) -> Mapper:
    return lambda _handling, _typmod: (schema, decoder)


def _numeric(handling: ValueHandling, typmod: int) -> Mapped:
    scale = numeric_scale(typmod)
    if handling.decimal is DecimalMode.DOUBLE:
        return FLOAT64, FloatDecoder()
    if handling.decimal is DecimalMode.STRING:
        return STRING, NumericTextDecoder()
    if scale is None:
        return VARIABLE_SCALE_DECIMAL, VariableDecimalDecoder()
    parameters = {"scale": str(scale), "connect.decimal.precision": str(typmod - 4 >> 16)}
    return semantic(BYTES, "org.apache.kafka.connect.data.Decimal", **parameters), DecimalDecoder(scale)


VARIABLE_SCALE_DECIMAL: Final = Schema(
    ConnectType.STRUCT,
    name="io.debezium.data.VariableScaleDecimal",
    version=1,
    doc="Variable scaled decimal",
    fields=(Field("scale", INT32), Field("value", BYTES)),
)
TEXT: Final = TextDecoder()
INTEGER: Final = IntDecoder()
JSON: Final = semantic(STRING, "io.debezium.data.Json")

#: The mapped types of pg_catalog, by OID.
BUILT_IN: Final[Mapping[int, Mapper]] = {
    16: _same(BOOLEAN, BoolDecoder()),
    18: _same(STRING, TEXT),  # "char"
    19: _same(STRING, TEXT),  # name
    20: _same(INT64, INTEGER),
    21: _same(INT16, INTEGER),
    23: _same(INT32, INTEGER),
    25: _same(STRING, TEXT),
    26: _same(INT64, INTEGER),  # oid
    114: _same(JSON, TEXT),
    142: _same(semantic(STRING, "io.debezium.data.Xml"), TEXT),
    650: _same(STRING, TEXT),  # cidr
    700: _same(FLOAT32, FloatDecoder()),
    701: _same(FLOAT64, FloatDecoder()),
    774: _same(STRING, TEXT),  # macaddr8
    829: _same(STRING, TEXT),  # macaddr
    869: _same(STRING, TEXT),  # inet
    1042: _same(STRING, TEXT),  # char(n), bpchar
    1043: _same(STRING, TEXT),  # varchar
    1700: _numeric,
    2950: _same(semantic(STRING, "io.debezium.data.Uuid"), TEXT),
    3614: _same(semantic(STRING, "io.debezium.data.Tsvector"), TEXT),
    3802: _same(JSON, TEXT),  # jsonb
    3904: _same(STRING, TEXT),  # int4range
    3906: _same(STRING, TEXT),  # numrange
    3908: _same(STRING, TEXT),  # tsrange
    3910: _same(STRING, TEXT),  # tstzrange
    3912: _same(STRING, TEXT),  # daterange
    3926: _same(STRING, TEXT),  # int8range
}

#: The mapped types of extensions, by name.
EXTENSIONS: Final[Mapping[str, Mapper]] = {
    "citext": _same(STRING, TEXT),
    "isbn": _same(STRING, TEXT),
    "ltree": _same(semantic(STRING, "io.debezium.data.Ltree"), TEXT),
}
