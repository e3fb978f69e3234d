from cdc.sources.columns.values import ValueDecoder

class BytesDecoder(ValueDecoder):
    """Decodes bytea as bytes."""

class HexDecoder(ValueDecoder):
    """Decodes bytea as its hexadecimal digits."""

class Base64Decoder(ValueDecoder):
    """Decodes bytea as base64 with padding, on request in the alphabet that is safe in URLs (RFC 4648, section 5)."""

    def __init__(self, url_safe: bool = False) -> None: ...

class OpaqueDecoder(ValueDecoder):
    """Decodes the text of a type that is not known as bytes, which `bytea` decodes as if they were one."""

    def __init__(self, bytea: ValueDecoder) -> None: ...

class BoolDecoder(ValueDecoder):
    """Decodes `t` and `f`."""

class BitDecoder(ValueDecoder):
    """Decodes a bit string of one bit as a boolean."""

class BitsDecoder(ValueDecoder):
    """Decodes a bit string as bytes, the lowest first, without zero bytes at the end."""
