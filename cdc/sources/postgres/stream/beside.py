"""The records beside the rows: marks of transactions, and logical messages, in Debezium's schemas."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Final

import cdc
from cdc.config.settings import BinaryMode, PostgresSettings
from cdc.model.batch import ChangeBatch
from cdc.model.connect_record import SourceRecord
from cdc.model.schema import BYTES, INT64, STRING, Field, Schema, struct
from cdc.model.table import TRANSACTION_BLOCK
from cdc.sources.marks import SHELL, TransactionMarks
from cdc.sources.naming import beside_topic
from cdc.sources.postgres.server.catalog import SOURCE_SCHEMA
from cdc.sources.postgres.wal.logical_message import LogicalMessage

MESSAGE_KEY: Final = struct(
    "io.debezium.connector.postgresql.MessageKey", (Field("prefix", STRING.as_optional()),), version=1
)
_CONTENT: Final[Mapping[BinaryMode, Callable[[bytes], bytes | str]]] = {
    BinaryMode.BYTES: bytes,
    BinaryMode.BASE64: lambda content: base64.b64encode(content).decode(),
    BinaryMode.BASE64_URL_SAFE: lambda content: base64.urlsafe_b64encode(content).decode(),
    BinaryMode.HEX: bytes.hex,
}


def message_value(content: Schema) -> Schema:
    """Return the schema of a logical message's value; `content` is that of its content."""
    message = struct(
        "io.debezium.connector.postgresql.Message",
        (Field("prefix", STRING.as_optional()), Field("content", content.as_optional())),
        version=1,
    )
    fields = (
        Field("op", STRING),
        Field("ts_ms", INT64.as_optional()),
        Field("source", SOURCE_SCHEMA),
        Field("transaction", TRANSACTION_BLOCK),
        Field("message", message),
    )
    return struct("io.debezium.connector.postgresql.MessageValue", fields, version=1)


class Beside(TransactionMarks):
    """Adds records to batches beside their rows; one for each source.

    `marks` says that transactions are marked and their events counted; messages count under `message_collection`.
    """

    def __init__(self, settings: PostgresSettings, partition: Mapping[str, str]) -> None:
        prefix, wanted = settings.topic_prefix, settings.beside
        topic = beside_topic(prefix, wanted.transaction_topic, delimiter=settings.topic_delimiter)
        super().__init__(topic, partition, marks=wanted.transactions)
        self.message_collection = beside_topic(prefix, "message")
        self._messages = wanted.messages
        self._own_prefix = wanted.heartbeat_message
        self._content = _CONTENT[settings.binary_mode]
        self._message_value = message_value(BYTES if settings.binary_mode is BinaryMode.BYTES else STRING)
        self._constants = {
            "version": cdc.__version__,
            "connector": "postgresql",
            "name": prefix,
            "db": settings.dbname,
            "schema": "",
            "table": "",
            "snapshot": "false",
            "xmin": None,
        }

    def wants(self, prefix: str) -> bool:
        """Tell whether messages with the prefix are published; a connector's own are not."""
        return self._messages.matches(prefix) and not (self._own_prefix and prefix == self._own_prefix)

    def message(self, batch: ChangeBatch, message: LogicalMessage) -> None:
        """Add a logical message."""
        now_us = batch.stamp_ns // 1000
        record = SourceRecord(
            topic=self.message_collection,
            key={"prefix": message.prefix},
            key_schema=MESSAGE_KEY,
            value={
                "op": "m",
                "ts_ms": now_us // 1000,
                "source": self._source(message, now_us),
                "transaction": _block(message),
                "message": {"prefix": message.prefix, "content": self._content(message.content)},
            },
            value_schema=self._message_value,
            source_partition=self._partition,
            source_offset={"lsn": message.lsn},
        )
        batch.add_aside(record, len(message.content) + SHELL)

    def _source(self, message: LogicalMessage, now_us: int) -> dict[str, object]:
        """Return the source block; outside of a transaction its time is when the message was read."""
        at = now_us if message.commit_us is None else message.commit_us
        last = f'"{message.last_commit}"' if message.last_commit else "null"
        found = {
            **self._constants,
            "ts_ms": at // 1000,
            "sequence": f'[{last},"{message.lsn}"]',
            "ts_us": at,
            "ts_ns": at * 1000,
            "txId": message.xid,
            "lsn": message.lsn,
            "origin": None if message.origin is None else message.origin.decode(),
            "origin_lsn": None if message.origin is None else message.origin_lsn,
        }
        return {field.name: found[field.name] for field in SOURCE_SCHEMA.fields}


def _block(message: LogicalMessage) -> dict[str, object] | None:
    if message.place is None:
        return None
    return dict(zip(("id", "total_order", "data_collection_order"), message.place, strict=True))
