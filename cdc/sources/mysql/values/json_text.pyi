"""Decoder of the text that MySQL's SELECT gives for JSON columns, as compact as that of the binary form."""

from cdc.sources.columns.values import ValueDecoder

def selected(expression: str) -> str:
    """Return the SQL expression to select in place of one of type JSON, for `JsonTextDecoder` to read.

    The text alone does not tell a string from a time, a date with time or binary data that prints the same. Where there is anything of
    that look, a line feed and what JSON_SEARCH says of the document's true strings follow the text.
    """

class JsonTextDecoder(ValueDecoder):
    """Decodes the text of a JSON value, as the server prints it, as the very text that `JsonDecoder` gives for its binary form.

    Read it by the expression of `selected`; of the bare text, strings that look like the server's print of a time with fraction, a date
    with time or binary data are taken for such. Raises DecodeError.
    """
