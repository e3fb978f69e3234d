"""The plugins that come with cdc-stream: Java's names for them, short names, and where they live.

A configuration that was written for Kafka Connect names Java classes; each of those stands here beside the class that does its work.
Nothing is imported before it is used, so that a worker without PostgreSQL connectors loads no PostgreSQL driver.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final


class Kind(enum.StrEnum):
    """What a plugin is; the words are those of `GET /connector-plugins`."""

    SINK = "sink"
    SOURCE = "source"
    TRANSFORMATION = "transformation"
    PREDICATE = "predicate"
    CONVERTER = "converter"
    HEADER_CONVERTER = "header_converter"
    CONFIG_PROVIDER = "config_provider"
    """Not listed by REST, as in Connect."""
    POST_PROCESSOR = "post_processor"
    """Not listed either: Connect has no such plugins."""
    COLUMN_CONVERTER = "column_converter"
    """Not listed either."""
    UNKNOWN = "unknown"
    """It could not be imported, so that nobody knows."""


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A plugin of ours: `class_name` is Java's, `target` is `module:Class`, `short` are further names that mean it."""

    class_name: str
    target: str
    kinds: tuple[Kind, ...]
    short: tuple[str, ...] = ()


_BOTH: Final = (Kind.CONVERTER, Kind.HEADER_CONVERTER)
_CONNECT: Final = "org.apache.kafka.connect"


def _converter(class_name: str, target: str, *short: str) -> BuiltIn:
    """Return a converter; Connect's convert headers also."""
    return BuiltIn(class_name, f"cdc.converters.{target}", _BOTH, short)


BUILT_INS: Final = (
    BuiltIn(
        "io.debezium.connector.postgresql.PostgresConnector",
        "cdc.sources.postgres.connector:PostgresConnector",
        (Kind.SOURCE,),
        ("postgres", "postgresql"),
    ),
    BuiltIn(
        "io.debezium.connector.mysql.MySqlConnector",
        "cdc.sources.mysql.connector:MySqlConnector",
        (Kind.SOURCE,),
        ("mysql",),
    ),
    BuiltIn(
        f"{_CONNECT}.file.FileStreamSourceConnector",
        "cdc.sources.file.connector:FileStreamSourceConnector",
        (Kind.SOURCE,),
    ),
    BuiltIn(
        f"{_CONNECT}.file.FileStreamSinkConnector",
        "cdc.sinks.file.connector:FileStreamSinkConnector",
        (Kind.SINK,),
    ),
    _converter(f"{_CONNECT}.json.JsonConverter", "value_json:ConnectJsonConverter", "json"),
    _converter(f"{_CONNECT}.storage.StringConverter", "string:StringConverter", "string"),
    _converter(f"{_CONNECT}.converters.ByteArrayConverter", "byte_array:ByteArrayConverter", "bytes"),
    _converter("io.debezium.converters.ByteArrayConverter", "byte_array:ByteArrayConverter"),
    _converter("io.debezium.converters.BinaryDataConverter", "byte_array:ByteArrayConverter"),
    *(
        _converter(f"{_CONNECT}.converters.{number}Converter", f"number:{number}Converter")
        for number in ("Boolean", "Double", "Float", "Integer", "Long", "Short")
    ),
    BuiltIn(
        f"{_CONNECT}.storage.SimpleHeaderConverter",
        "cdc.converters.simple_header:SimpleHeaderConverter",
        (Kind.HEADER_CONVERTER,),
        ("simple",),
    ),
    *(
        BuiltIn(
            f"io.debezium.connector.{package}.converters.{name}Converter",
            f"cdc.sources.mysql.schema.converters:{name}Converter",
            (Kind.COLUMN_CONVERTER,),
        )
        for package in ("binlog", "mysql")
        for name in ("TinyIntOneToBoolean", "JdbcSinkDataTypes")
    ),
    BuiltIn(
        "io.debezium.connector.binlog.converters.ZeroDateFallbackConverter",
        "cdc.sources.mysql.schema.zero_dates:ZeroDateFallbackConverter",
        (Kind.COLUMN_CONVERTER,),
    ),
    *(
        BuiltIn(
            f"org.apache.kafka.common.config.provider.{each}ConfigProvider",
            f"cdc.config.config_provider:{each}ConfigProvider",
            (Kind.CONFIG_PROVIDER,),
        )
        for each in ("Directory", "EnvVar", "File")
    ),
)
