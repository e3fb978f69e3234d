"""JSON columns of which an update carries what has changed (`binlog_row_value_options=PARTIAL_JSON`)."""

from cdc.sources.columns.values import ValueDecoder

PATCHED: int

def patched(before: bytes, diffs: bytes) -> bytes:
    """Return the new document for `PatchedJsonDecoder`, of the old one in the binary form and what has changed. Raises DecodeError."""

class PatchedJsonDecoder(ValueDecoder):
    """Decodes what `patched` returns, and all else by `whole`."""

    def __init__(self, whole: ValueDecoder) -> None: ...
