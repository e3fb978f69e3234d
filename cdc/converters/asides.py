"""Records beside the rows as JSON, for a pipeline without plugins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from cdc.config.settings import ConverterSettings
from cdc.converters.change_records import ContextHeaders
from cdc.converters.value_json import ConnectJsonConverter
from cdc.model.connect_record import Aside
from cdc.model.records import RecordBatch


class JsonAsides:
    """Encodes single records as Kafka Connect's JsonConverter does; `key` and `value` are its settings, `headers` those of the rows."""

    def __init__(self, key: ConverterSettings, value: ConverterSettings, headers: ContextHeaders = ()) -> None:
        self._headers = headers
        self._key, self._value = ConnectJsonConverter(), ConnectJsonConverter()
        self._key.configure(_properties(key), is_key=True)
        self._value.configure(_properties(value))

    def convert(self, asides: Iterable[Aside], timestamp_ms: int) -> Iterator[RecordBatch]:
        """Yield the records in order, in batches of the same headers; raises ConversionError for one that its schema cannot carry."""
        for context, group in groupby(asides, lambda aside: aside.context):
            yield self._batch(group, self._headers if context else (), timestamp_ms)

    def _batch(self, asides: Iterable[Aside], headers: ContextHeaders, timestamp_ms: int) -> RecordBatch:
        found = RecordBatch()
        found.headers, found.timestamp_ms = headers, timestamp_ms
        for record in (aside.record for aside in asides):
            key = self._key.from_connect_data(record.topic, record.key_schema, record.key)
            found.add(record.topic, key, self._value.from_connect_data(record.topic, record.value_schema, record.value))
        return found


def _properties(settings: ConverterSettings) -> dict[str, str]:
    return {
        "schemas.enable": str(settings.schemas_enable).lower(),
        "decimal.format": settings.decimal_format.value,
        "replace.null.with.default": str(settings.replace_null_with_default).lower(),
    }
