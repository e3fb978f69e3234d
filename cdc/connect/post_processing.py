"""Post processors as the first steps of a connector's chain of transforms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Final

from cdc.config.definition import Definition
from cdc.model.connect_record import ConnectRecord
from cdc.transforms.base import PostProcessor, R

_IMAGES: Final = ("before", "after")


class PostProcessing:
    """A `Transformation` that hands the events of rows to a post processor, and passes other records on as they are."""

    definition: ClassVar[Definition] = Definition([])

    def __init__(self, processor: PostProcessor) -> None:
        self.processor = processor

    def configure(self, properties: Mapping[str, str]) -> None:
        """See `Transformation.configure`; the post processor was configured before."""

    def apply(self, record: R) -> R | None:
        """See `Transformation.apply`. The record that was handed in stays as it was, so that it can be tried again or buried."""
        event = _event(record)
        if event is None:
            return record
        key: Any = record.key
        self.processor.process(key, event)
        return replace(record, value=event)

    def close(self) -> None:
        """See `Transformation.close`."""
        self.processor.close()


def _event(record: ConnectRecord) -> dict[str, Any] | None:
    """Return a copy of the event of a row; None for a tombstone, and for what stands beside the rows."""
    value, schema = record.value, record.value_schema
    if not isinstance(value, dict) or schema is None or not (schema.name or "").endswith(".Envelope"):
        return None
    return {name: dict(each) if name in _IMAGES and each is not None else each for name, each in value.items()}
