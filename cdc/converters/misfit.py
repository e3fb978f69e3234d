"""Errors for values that do not fit their schemas: which value, where, of what type, and what to do."""

from __future__ import annotations

import reprlib
from typing import Final

from cdc.errors import ConversionError
from cdc.model.schema import Schema

MEND_RECORD: Final = "Make value and schema agree where the record is made: in the source connector, or in a transform."
MEND_BYTES: Final = (
    "Choose the converter that the producer of the topic used, or set errors.tolerance=all to leave such records out."
)
MEND_SCHEMA: Final = "Correct the schema where it is made: in the source connector, in a transform, or by the producer."

_SHORT: Final = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 60


def shown(value: object) -> str:
    """Return a value as an error may show it, with its type, in at most about a hundred characters."""
    return f"{_SHORT.repr(value)} ({type(value).__name__})"


def misfit(where: str, schema: Schema, value: object, reason: str = "", remedy: str = MEND_RECORD) -> ConversionError:
    """Return the error that a value does not fit its schema; `where` is its path, beginning with the topic."""
    name = f" {schema.name}" if schema.name else ""
    because = f": {reason}" if reason else ""
    return ConversionError(f"{where} is of type {schema.type.value}{name}, not {shown(value)}{because}", remedy)
