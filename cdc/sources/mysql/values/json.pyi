"""Decoder of MySQL's JSON columns: the binary form in, compact text out.

Source: the server's `sql-common/json_binary.h`.
"""

from cdc.sources.columns.values import ValueDecoder

class JsonDecoder(ValueDecoder):
    """Decodes the binary form of a JSON column, as row events carry it, as compact text in UTF-8.

    Members stand in the stored order, nothing stands between tokens, numbers have all their digits and no more. Opaque values: a decimal
    is a number, a time or date a string, anything else the base64 of its bytes. An empty value is `null`, as the server reads it.
    Raises DecodeError, also for documents whose parts overlap, so that the text is never much longer than the document.
    """
