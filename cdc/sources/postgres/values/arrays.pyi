from cdc.sources.columns.values import ValueDecoder

class ArrayDecoder(ValueDecoder):
    """Decodes a one-dimensional array; `element` decodes the elements, which may be NULL where `nullable`.

    `delimiter` is the byte between two elements. The indices are not published, so `[2:4]={…}` is the same as `{…}`.
    """

    def __init__(self, element: ValueDecoder, nullable: bool = True, delimiter: bytes = b",") -> None: ...
