"""What differs from one run to the next becomes a token, so that records of two runs can be compared.

Null stays null, whatever the field: whether a value is there at all is compared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

STAMP = "<TS>"
VOLATILE = "<VOLATILE>"
VERSION = "<VERSION>"
TRANSACTION = "<TX>"  # becomes <TX1>, <TX2> …

STAMPS = frozenset({"ts_ms", "ts_us", "ts_ns"})
PLACES = frozenset(
    {"lsn", "txId", "xmin", "sequence", "origin_lsn", "gtid", "pos", "file", "thread", "server_id"}
)  # where in the log, by which transaction, on which server
SOURCE_TOKENS = {**dict.fromkeys(STAMPS, STAMP), **dict.fromkeys(PLACES, VOLATILE), "version": VERSION}
# The copies of source fields that transforms make: __ts_ms, __source_lsn, source.lsn, __transaction_id.
COPY = re.compile(r"(?:__|source[._]|__source[._])(\w+)")
TRANSACTION_COPY = re.compile(r"__transaction[._]id")
CLOUD_PLACES = {
    f"iodebezium{name}" for name in ("lsn", "txid", "sequence", "file", "pos", "gtid", "thread", "serverid", "xmin")
}
CLOUD_EVENT = {"id", "time", "iodebeziumversion", "iodebeziumtsms", "iodebeziumtsus", "iodebeziumtsns"} | CLOUD_PLACES
WATERMARK = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}-(open|close)")
JAVA_IDENTITY = re.compile(r"(LogicalDecodingMessageId)@[0-9a-f]+")
HEARTBEATS = "__debezium-heartbeat"

Record = dict[str, Any]
Fields = Mapping[str, Any]
# What a struct is → the tokens of its fields. The first that is recognised decides.
SHAPES: tuple[tuple[Callable[[Fields], bool], Mapping[str, str]], ...] = (
    (  # an envelope
        lambda fields: isinstance(fields.get("source"), dict) and "connector" in fields["source"],
        dict.fromkeys(STAMPS, STAMP),
    ),
    (lambda fields: set(fields) == {"id", "total_order", "data_collection_order"}, {"id": TRANSACTION}),
    (  # the beginning or the end of a transaction
        lambda fields: {"status", "id", "event_count", "data_collections", "ts_ms"} <= set(fields),
        {"ts_ms": STAMP, "id": TRANSACTION},
    ),
    (lambda fields: set(fields) == {"ts_ms"}, {"ts_ms": STAMP}),  # a heartbeat
    (  # a notification
        lambda fields: {"aggregate_type", "additional_data", "timestamp", "id"} <= set(fields),
        {"id": VOLATILE, "timestamp": STAMP},
    ),
    (  # a flattened envelope
        lambda fields: "source.connector" in fields or "source_connector" in fields,
        {**dict.fromkeys(STAMPS, STAMP), **dict.fromkeys(("transaction.id", "transaction_id"), TRANSACTION)},
    ),
    (  # a watermark in the signal table
        lambda fields: set(fields) == {"id", "type", "data"} and str(fields["type"]).startswith("snapshot-window-"),
        {"id": VOLATILE, "data": VOLATILE},
    ),
    (lambda fields: {"specversion", "id", "source", "type"} <= set(fields), dict.fromkeys(CLOUD_EVENT, VOLATILE)),
)


def normalised(records: Iterable[Record], options: Mapping[str, Any]) -> list[Record]:
    """Return the records by topic, then partition, then in the order given, with tokens; runs of equal heartbeats are one."""
    ordered = sorted(records, key=lambda record: (record["topic"], record["partition"]))
    normaliser = _Normaliser(options)
    normaliser.number_transactions(ordered)
    done: list[Record] = []
    for record in map(normaliser.record, ordered):
        if not (record["topic"].startswith(HEARTBEATS) and done[-1:] == [record]):
            done.append(record)
    return done


class _Normaliser:
    """Holds the numbers that transactions got, and what one case calls volatile."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._numbers: dict[str, int] = {}
        self._fields = dict.fromkeys(options.get("volatile_fields", ()), VOLATILE)
        self._values = [re.compile(each) for each in options.get("volatile_values", ())]

    def number_transactions(self, records: Iterable[Record]) -> None:
        """Number the transactions as the transaction topic has them; others follow as they appear."""
        for record in records:
            value = _payload(record["value"])
            if record["topic"].endswith(".transaction") and isinstance(value, dict) and value.get("id"):
                self._transaction(value["id"])

    def record(self, record: Record) -> Record:
        return {
            "topic": record["topic"],
            "partition": record["partition"],
            "key": self._document(record["key"]),
            "value": self._document(record["value"]),
            "headers": [[name, self._header(name, value)] for name, value in record["headers"]],
        }

    def _document(self, document: Any) -> Any:
        if not (isinstance(document, dict) and set(document) == {"schema", "payload"}):
            return self._any(document)
        name = (document["schema"] or {}).get("name") or ""
        payload = document["payload"]
        if name.endswith("TransactionMetadataKey"):
            return {**document, "payload": {"id": self._transaction(payload["id"])}}
        if name.endswith("NotificationKey"):
            return {**document, "payload": {"id": VOLATILE}}
        return {**document, "payload": self._any(payload)}

    def _header(self, name: str, value: Any) -> Any:
        token = VOLATILE if name == "__debezium.context.runId" else self._copied(name)
        if token is None:
            return self._document(value) if isinstance(value, dict) else value
        if isinstance(value, dict) and set(value) == {"schema", "payload"}:
            return {**value, "payload": _token(value["payload"], token)}
        return _token(value, token)

    def _any(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._any(each) for each in value]
        if isinstance(value, dict):
            return self._struct(value)
        return self._string(value) if isinstance(value, str) else value

    def _string(self, text: str) -> str:
        if WATERMARK.fullmatch(text) or any(each.search(text) for each in self._values):
            return VOLATILE
        return JAVA_IDENTITY.sub(rf"\1@{VOLATILE}", text)

    def _struct(self, fields: Fields) -> dict[str, Any]:
        if {"version", "connector", "name", "ts_ms"} <= set(fields):
            return {name: _token(value, SOURCE_TOKENS.get(name)) for name, value in fields.items()}
        tokens = next((tokens for recognised, tokens in SHAPES if recognised(fields)), {})
        return {name: self._field(name, value, tokens) for name, value in fields.items()}

    def _field(self, name: str, value: Any, tokens: Mapping[str, str]) -> Any:
        token = tokens.get(name) or self._copied(name)
        if token == TRANSACTION:
            return self._transaction(value)
        return self._any(value) if token is None else _token(value, token)

    def _copied(self, name: str) -> str | None:
        """Return the token of a copied source field, or of a field that the case calls volatile."""
        if TRANSACTION_COPY.fullmatch(name):
            return VOLATILE
        copy = COPY.fullmatch(name)
        return (SOURCE_TOKENS.get(copy[1]) if copy else None) or self._fields.get(name)

    def _transaction(self, identity: str | None) -> str | None:
        """Return `<TX1>`, `<TX2>` … by first appearance; PostgreSQL's id is `txid:lsn`."""
        if identity is None:
            return None
        txid, colon, lsn = identity.partition(":")
        base, rest = (txid, ":<LSN>") if colon and txid.isdigit() and lsn.isdigit() else (identity, "")
        return f"<TX{self._numbers.setdefault(base, len(self._numbers) + 1)}>{rest}"


def _token(value: Any, token: str | None) -> Any:
    return value if token is None or value is None else token


def _payload(document: Any) -> Any:
    return document["payload"] if isinstance(document, dict) and set(document) == {"schema", "payload"} else document
