from typing import TypeAlias

Headers: TypeAlias = tuple[tuple[str, bytes | None], ...]

class RecordBatch:
    """Records in the order in which they are to be sent.

    `headers` are (name, value) pairs that every record carries, behind its own. `timestamp_ms` is the timestamp of all of them, in
    milliseconds since the epoch. `partition` is the Kafka partition of all of them; -1 lets each key decide.
    """

    topics: list[str]
    header_names: list[str]
    headers: Headers
    timestamp_ms: int
    partition: int
    def __init__(self) -> None: ...
    def __len__(self) -> int: ...
    @property
    def size(self) -> int:
        """The bytes of all keys, values and own headers."""

    def __getitem__(self, index: int) -> tuple[str, bytes | None, bytes | None, Headers]:
        """Return (topic, key, value, headers) of one record; key and value are bytes or None."""

    def add(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers | None = None) -> None:
        """Add a record from bytes; `headers` are (name, value) pairs of its own."""
