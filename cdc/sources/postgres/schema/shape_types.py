"""Geometric types, PostgreSQL's own and PostGIS's: their schemas and decoders, the same under every handling.

A schema that is always optional is so in Debezium, also for a column that is NOT NULL.
"""

from __future__ import annotations

from typing import Final

from cdc.model.schema import BYTES, FLOAT64, INT32, STRING, ConnectType, Field, Schema
from cdc.sources.postgres.schema.handling import Mapper, always
from cdc.sources.postgres.values.geometric import (
    BoxDecoder,
    CircleDecoder,
    EwkbDecoder,
    LineDecoder,
    PathDecoder,
    PointDecoder,
    PolygonDecoder,
    SegmentDecoder,
)


def _shape(name: str, doc: str, *fields: Field, version: int = 1, optional: bool = True) -> Schema:
    name = f"io.debezium.data.geometry.{name}"
    return Schema(ConnectType.STRUCT, optional=optional, name=name, version=version, doc=doc, fields=fields)


_WKB: Final = Field("wkb", BYTES)
_SRID: Final = Field("srid", INT32.as_optional())
_EXTENSIONS: Final = Field("extensions", Schema(ConnectType.MAP, optional=True, keys=STRING, values=STRING))
_X_Y: Final = Field("x", FLOAT64), Field("y", FLOAT64)

_POINT_SCHEMA: Final = _shape(
    "Point", "Geometry (POINT)", *_X_Y, Field("wkb", BYTES.as_optional()), _SRID, optional=False
)
_GEOMETRY_SCHEMA: Final = _shape("Geometry", "Geometry", _WKB, _SRID, _EXTENSIONS, version=2)
_GEOGRAPHY_SCHEMA: Final = _shape("Geography", "Geography", _WKB, _SRID, optional=False)
_CIRCLE_SCHEMA: Final = _shape("Circle", "Geometry (CIRCLE)", Field("center", _POINT_SCHEMA), Field("radius", FLOAT64))
_LINE_SCHEMA: Final = _shape("Line", "Geometry (LINE)", *(Field(name, FLOAT64) for name in "abc"))

POINT: Final[Mapper] = always(_POINT_SCHEMA, PointDecoder())
BOX: Final[Mapper] = always(_GEOMETRY_SCHEMA, BoxDecoder())
LINE_SEGMENT: Final[Mapper] = always(_GEOMETRY_SCHEMA, SegmentDecoder())
PATH: Final[Mapper] = always(_GEOMETRY_SCHEMA, PathDecoder())
POLYGON: Final[Mapper] = always(_GEOMETRY_SCHEMA, PolygonDecoder())
CIRCLE: Final[Mapper] = always(_CIRCLE_SCHEMA, CircleDecoder())
LINE: Final[Mapper] = always(_LINE_SCHEMA, LineDecoder())
GEOMETRY: Final[Mapper] = always(_GEOMETRY_SCHEMA, EwkbDecoder(len(_GEOMETRY_SCHEMA.fields)))
GEOGRAPHY: Final[Mapper] = always(_GEOGRAPHY_SCHEMA, EwkbDecoder(len(_GEOGRAPHY_SCHEMA.fields)))
