from collections.abc import Callable
from typing import Any

from cdc.model.schema import Schema
from cdc.sources.columns.values import ValueDecoder

class ConvertedDecoder(ValueDecoder):
    """Publishes what `convert` makes of the values of `inner`, whose schema is `own`; it must fit `published`. `name` is the plugin's."""

    def __init__(
        self, inner: ValueDecoder, own: Schema, published: Schema, convert: Callable[[Any], object], name: str
    ) -> None: ...
