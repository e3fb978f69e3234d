"""Java class names and short names that configurations use, and what they mean here.

Kafka Connect takes a class by its full name, by its simple name, or by the simple name without its last word; so do we.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import Final

from cdc.config.property import Validator, nearest


class ConnectorClass(enum.StrEnum):
    """The connectors that exist here."""

    POSTGRES = "postgres"
    MYSQL = "mysql"


class ConverterClass(enum.StrEnum):
    """The converters that exist here."""

    JSON = "json"
    SIMPLE_HEADER = "simple"


_POSTGRES: Final = "io.debezium.connector.postgresql.PostgresConnector"
_MYSQL: Final = "io.debezium.connector.mysql.MySqlConnector"
_JSON: Final = "org.apache.kafka.connect.json.JsonConverter"
_SIMPLE: Final = "org.apache.kafka.connect.storage.SimpleHeaderConverter"
_FILES: Final = "org.apache.kafka.connect.file.FileStream"

_LATER_CONNECTORS: Final = (f"{_FILES}SourceConnector", f"{_FILES}SinkConnector")
_LATER_CONVERTERS: Final = (
    "io.confluent.connect.avro.AvroConverter",
    "io.confluent.connect.protobuf.ProtobufConverter",
    "io.confluent.connect.json.JsonSchemaConverter",
    "io.debezium.converters.CloudEventsConverter",
)


def _names(full: str, suffix: str) -> tuple[str, ...]:
    simple = full.rpartition(".")[2]
    return full, simple, simple.removesuffix(suffix)


def _known(suffix: str, classes: Mapping[str, str], later: Iterable[str]) -> dict[str, str]:
    known = {name.lower(): "" for full in later for name in _names(full, suffix)}
    known |= {name.lower(): meaning for full, meaning in classes.items() for name in _names(full, suffix)}
    return known | {meaning: meaning for meaning in classes.values()}


_POSTGRES_NAMES: Final = _known("Connector", {_POSTGRES: ConnectorClass.POSTGRES}, ()) | {
    "postgresql": ConnectorClass.POSTGRES
}
_MYSQL_NAMES: Final = _known("Connector", {_MYSQL: ConnectorClass.MYSQL}, ())
_CONNECTORS: Final = _known("Connector", {}, _LATER_CONNECTORS) | _MYSQL_NAMES | _POSTGRES_NAMES
_CONVERTERS: Final = _known("Converter", {_JSON: ConverterClass.JSON}, _LATER_CONVERTERS)
_HEADER_CONVERTERS: Final = _known("HeaderConverter", {_SIMPLE: ConverterClass.SIMPLE_HEADER}, _LATER_CONVERTERS)


def connector_class(name: str) -> ConnectorClass | None:
    """Return the connector that a `connector.class` means; None when it is not known, or not supported yet."""
    meaning = _CONNECTORS.get(name.strip().lower())
    return ConnectorClass(meaning) if meaning else None


def is_json(name: str) -> bool:
    """Whether a `key.converter` or `value.converter` means the JSON converter."""
    return _CONVERTERS.get(name.strip().lower()) == ConverterClass.JSON


def is_simple(name: str) -> bool:
    """Whether a `header.converter` means the simple one."""
    return _HEADER_CONVERTERS.get(name.strip().lower()) == ConverterClass.SIMPLE_HEADER


def _not_later(known: Mapping[str, str]) -> Validator:
    """Return a validator that refuses the classes which are yet to come; whether another class is there, the plugins say."""

    def fault(name: str) -> str:
        return "is not supported yet" if known.get(name.strip().lower()) == "" else ""

    return Validator("the name of a converter that is installed", fault)


def _connector(own: Mapping[str, str], full: str) -> Validator:
    """Return a validator that passes the names of one connector."""

    def fault(name: str) -> str:
        word = name.strip().lower()
        if word in own:
            return ""
        meaning = _CONNECTORS.get(word)
        if meaning is not None:
            return "is another connector" if meaning else "is not supported yet"
        near = nearest(word, list(_CONNECTORS))
        return f"is not a known class{f' (did you mean {near}?)' if near else ''}"

    return Validator(f"{full}, or in short {next(iter(own.values()))}", fault)


CONNECTOR: Final = _connector(_POSTGRES_NAMES, _POSTGRES)
MYSQL_CONNECTOR: Final = _connector(_MYSQL_NAMES, _MYSQL)
CONVERTER: Final = _not_later(_CONVERTERS)
HEADER_CONVERTER: Final = _not_later(_HEADER_CONVERTERS)
