from cdc.config import ConverterSettings
from cdc.model.batch import ChangeBatch
from cdc.model.records import RecordBatch

class JsonConverter:
    """Encodes changes as JSON (see `Converter`).

    `key` and `value` are the settings of Connect's key and value converter. `headers` go on every record. `unavailable` are the bytes
    that stand for a value which the log does not repeat (`unavailable.value.placeholder`).
    """

    def __init__(
        self,
        key: ConverterSettings,
        value: ConverterSettings,
        headers: tuple[tuple[str, bytes], ...],
        unavailable: bytes,
    ) -> None: ...
    def convert(self, batch: ChangeBatch) -> RecordBatch:
        """Encode every row's key, value and own header."""

    def convert_rows(self, batch: ChangeBatch, start: int, stop: int) -> RecordBatch:
        """Encode the rows from `start` up to `stop`; raises IndexError for rows that the batch does not have."""
