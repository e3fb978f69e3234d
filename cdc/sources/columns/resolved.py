"""What a column is once its type is known: a schema, and a decoder of its values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from cdc.model.schema import Schema
from cdc.sources.columns.values import ValueDecoder

#: The length of a column whose type has none.
UNKNOWN_LENGTH: Final = 0x7FFFFFFF

#: The schema of a required column, and the decoder of its values.
Mapped = tuple[Schema, ValueDecoder]


@dataclass(frozen=True, slots=True)
class ResolvedColumn:
    """How a column is published: the schema of its values, and the decoder of what stands on the wire."""

    schema: Schema
    decoder: ValueDecoder

    def told(self, parameters: Mapping[str, str]) -> ResolvedColumn:
        """Return the column with more parameters in its schema."""
        return replace(self, schema=replace(self.schema, parameters={**self.schema.parameters, **parameters}))


def semantic(base: Schema, name: str, **parameters: str) -> Schema:
    """Return `base` with a semantic name, version 1, and parameters in the order given."""
    return Schema(base.type, name=name, version=1, parameters=parameters)


def source_parameters(found: Mapping[str, object]) -> Mapping[str, str]:
    """Return what the schema of a column tells of it under `column.propagate.source.type`, but for what is None."""
    return {f"__debezium.source.column.{word}": str(value) for word, value in found.items() if value is not None}
