from cdc.sources.columns.values import ValueDecoder

class ChangedDecoder(ValueDecoder):
    """Publishes the values of `inner` in another form; `hides` says that nobody may see them as they were."""

    hides: bool
    def __init__(self, inner: ValueDecoder) -> None: ...

class TruncatedDecoder(ChangedDecoder):
    """Cuts text after `length` UTF-16 units, and never inside a surrogate pair; cuts bytes after as many bytes."""

    def __init__(self, inner: ValueDecoder, length: int) -> None: ...

class MaskDecoder(ChangedDecoder):
    """Puts `mask` in the place of every value, and of one that is null or that the log does not carry."""

    def __init__(self, inner: ValueDecoder, mask: bytes) -> None: ...

class HashDecoder(ChangedDecoder):
    """Puts the hash of salt and text in the place of a text, in hex, cut to `length` digits (0: whole).

    `algorithm` is hashlib's name. With `serialized`, what Java's serialisation makes of the text is hashed: Debezium's first version.
    """

    def __init__(
        self, inner: ValueDecoder, algorithm: str, salt: bytes, length: int = 0, serialized: bool = False
    ) -> None: ...

class TwinDecoder(ChangedDecoder):
    """Decodes a value twice: by `inner` for the row, and as it is, by `plain`, for the key, `distance` cells further on."""

    def __init__(self, inner: ValueDecoder, plain: ValueDecoder, distance: int) -> None: ...
