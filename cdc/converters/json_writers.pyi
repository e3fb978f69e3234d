from cdc.config import ConverterSettings
from cdc.model.schema import Schema

class Writer:
    """Writes the cells of one column, array, map or struct member; `where` names it in errors."""

    where: str

def value_writer(schema: Schema, where: str, settings: ConverterSettings, placeholder: bytes | None) -> Writer:
    """Return the writer of values of a schema, with what it shows for values that are not there.

    `placeholder` is the bytes of `unavailable.value.placeholder`, or None for record keys, which must not hold substitutes.
    """

def render(writer: Writer, value: object) -> bytes:
    """Return a value's JSON: a Python value as `ChangeBatch.add` takes it, or a `Decimal` of a schema."""

def quoted(text: str) -> bytes:
    """Return a name as a JSON string, in UTF-8."""
