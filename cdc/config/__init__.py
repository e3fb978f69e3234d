"""The configuration: one table of properties, and everything that is read, checked and documented by it.

    name, raw = load("connector.json")
    connector = ConnectorConfig.from_raw(raw)

`ConnectorConfig` and the settings in it are all that other rooms need; they never see a raw text.
"""

from cdc.config.connector import ConnectorConfig, SourceSettings
from cdc.config.definition import Config, Definition, InvalidConfig
from cdc.config.files import load
from cdc.config.filters import NameFilter, TableFilter
from cdc.config.mysql_settings import MySqlSettings
from cdc.config.property import Problem, Property
from cdc.config.secret import Secret
from cdc.config.settings import (
    BinaryMode,
    ConverterSettings,
    ConvertingFailure,
    DecimalFormat,
    DecimalMode,
    HstoreMode,
    IntervalMode,
    KafkaSettings,
    OffsetMismatch,
    PipelineSettings,
    PostgresSettings,
    PublicationAutocreate,
    SecuritySettings,
    TimeMode,
    TopicSettings,
)
from cdc.config.snapshot import SnapshotMode, SnapshotSettings

__all__ = [
    "BinaryMode",
    "Config",
    "ConnectorConfig",
    "ConverterSettings",
    "ConvertingFailure",
    "DecimalFormat",
    "DecimalMode",
    "Definition",
    "HstoreMode",
    "IntervalMode",
    "InvalidConfig",
    "KafkaSettings",
    "MySqlSettings",
    "NameFilter",
    "OffsetMismatch",
    "PipelineSettings",
    "PostgresSettings",
    "Problem",
    "Property",
    "PublicationAutocreate",
    "Secret",
    "SecuritySettings",
    "SnapshotMode",
    "SnapshotSettings",
    "SourceSettings",
    "TableFilter",
    "TimeMode",
    "TopicSettings",
    "load",
]
