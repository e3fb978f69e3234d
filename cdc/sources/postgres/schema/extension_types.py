"""The mapped types of extensions, by name: citext, hstore, isn, ltree, pgvector and PostGIS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from cdc.config.settings import HstoreMode
from cdc.model.schema import FLOAT32, FLOAT64, INT16, STRING, ConnectType, Field, Schema
from cdc.sources.columns.resolved import Mapped, semantic
from cdc.sources.columns.values import TextDecoder
from cdc.sources.postgres.schema.handling import Mapper, ValueHandling, always
from cdc.sources.postgres.schema.shape_types import GEOGRAPHY, GEOMETRY
from cdc.sources.postgres.values.hstore import HstoreJsonDecoder, HstoreMapDecoder
from cdc.sources.postgres.values.vectors import SparseVectorDecoder, VectorDecoder

_PLAIN: Final = always(STRING, TextDecoder())


def _hstore(handling: ValueHandling, _typmod: int) -> Mapped:
    if handling.hstore is HstoreMode.MAP:
        return Schema(ConnectType.MAP, keys=STRING, values=STRING.as_optional()), HstoreMapDecoder()
    return replace(semantic(STRING, "io.debezium.data.Json"), map_text=True), HstoreJsonDecoder()


def _vector(name: str, items: Schema) -> Mapper:
    return always(Schema(ConnectType.ARRAY, name=f"io.debezium.data.{name}", version=1, items=items), VectorDecoder())


_SPARSE_VECTOR: Final = Schema(
    ConnectType.STRUCT,
    name="io.debezium.data.SparseDoubleVector",
    version=1,
    doc="Sparse double vector",
    fields=(Field("dimensions", INT16), Field("vector", Schema(ConnectType.MAP, keys=INT16, values=FLOAT64))),
)

EXTENSIONS: Final[Mapping[str, Mapper]] = {
    "citext": _PLAIN,
    "geography": GEOGRAPHY,
    "geometry": GEOMETRY,
    "halfvec": _vector("FloatVector", FLOAT32),
    "hstore": _hstore,
    "isbn": _PLAIN,
    "ltree": always(semantic(STRING, "io.debezium.data.Ltree"), TextDecoder()),
    "sparsevec": always(_SPARSE_VECTOR, SparseVectorDecoder()),
    "vector": _vector("DoubleVector", FLOAT64),
}

#: Those whose elements have a required schema in Debezium, as those of enums have.
REQUIRED_ELEMENTS: Final = frozenset({"halfvec", "isbn", "sparsevec", "vector"})
#: The delimiter between the elements of an array, where it is no comma.
DELIMITERS: Final[Mapping[str, bytes]] = {"geography": b":", "geometry": b":"}
