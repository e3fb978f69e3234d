"""Decoders of BINARY, VARBINARY and BLOB, the same for row images and text: bytes are bytes in both."""

from collections.abc import Callable

from cdc.sources.columns.values import ValueDecoder

class BytesDecoder(ValueDecoder):
    """Decodes bytes as they are."""

class EncodedBytesDecoder(ValueDecoder):
    """Decodes bytes as a text that `encode` makes of them."""

    def __init__(self, encode: Callable[[bytes], bytes]) -> None: ...

def hex_decoder() -> ValueDecoder:
    """Return the decoder of bytes as their hexadecimal digits."""

def base64_decoder(url_safe: bool) -> ValueDecoder:
    """Return the decoder of bytes as base64 with padding, on request in the alphabet that is safe in URLs."""

class PaddedDecoder(ValueDecoder):
    """Decodes BINARY of `length` bytes: row images leave out the zero bytes at the end."""

    def __init__(self, inner: ValueDecoder, length: int) -> None: ...
