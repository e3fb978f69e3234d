"""Records beside the rows as JSON, for a pipeline without plugins."""

from __future__ import annotations

from collections.abc import Iterable

from cdc.config.settings import ConverterSettings
from cdc.converters.value_json import ConnectJsonConverter
from cdc.model.connect_record import SourceRecord
from cdc.model.records import RecordBatch


class JsonAsides:
    """Encodes single records as Kafka Connect's JsonConverter does; `key` and `value` are its settings."""

    def __init__(self, key: ConverterSettings, value: ConverterSettings) -> None:
        self._key, self._value = ConnectJsonConverter(), ConnectJsonConverter()
        self._key.configure(_properties(key), is_key=True)
        self._value.configure(_properties(value))

    def convert(self, records: Iterable[SourceRecord], timestamp_ms: int) -> RecordBatch:
        """Return the records in order, their headers as text; raises ConversionError for one that its schema cannot carry."""
        found = RecordBatch()
        found.timestamp_ms = timestamp_ms
        for record in records:
            key = self._key.from_connect_data(record.topic, record.key_schema, record.key)
            value = self._value.from_connect_data(record.topic, record.value_schema, record.value)
            headers = tuple((header.key, str(header.value).encode()) for header in record.headers)
            found.add(record.topic, key, value, headers or None)
        return found


def _properties(settings: ConverterSettings) -> dict[str, str]:
    return {
        "schemas.enable": str(settings.schemas_enable).lower(),
        "decimal.format": settings.decimal_format.value,
        "replace.null.with.default": str(settings.replace_null_with_default).lower(),
    }
