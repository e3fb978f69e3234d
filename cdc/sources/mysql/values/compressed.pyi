"""MariaDB's columns that are COMPRESSED, which row images have as they are stored.

Format: `Field_longstr::uncompress` and `compress_zlib` in MariaDB's sql/field.cc.
"""

from cdc.sources.columns.values import ValueDecoder

class CompressedDecoder(ValueDecoder):
    """Decodes a value of a compressed column by `inner`; short ones stand there as they are, behind a zero byte."""

    def __init__(self, inner: ValueDecoder) -> None: ...
