"""One connector's whole configuration, whichever database it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from cdc.config.classes import ConnectorClass, connector_class, is_json, is_simple
from cdc.config.definition import Config, Definition
from cdc.config.mysql import MYSQL
from cdc.config.mysql_settings import MySqlSettings
from cdc.config.post_processors import plugin_names
from cdc.config.postgres import POSTGRES
from cdc.config.providers import PROVIDERS, Provider, resolve
from cdc.config.settings import ConverterSettings, KafkaSettings, PipelineSettings, PostgresSettings
from cdc.errors import ConfigError

SourceSettings = PostgresSettings | MySqlSettings


@dataclass(frozen=True, slots=True)
class ConnectorConfig:
    """One connector, ready to run. `masked` is what was given, fit for a log; `notice` is one line to print, or "".

    `tasks_max` is accepted for Connect's sake: a connector that reads one log runs one task. `by_record` says that changes are to be
    converted as single records: there are transforms, post processors that are plugins, or converters other than the compiled ones. `custom_converters`
    are the names of the converters of columns.
    """

    name: str
    source: SourceSettings
    kafka: KafkaSettings
    key_converter: ConverterSettings
    value_converter: ConverterSettings
    pipeline: PipelineSettings
    tasks_max: int = 1
    by_record: bool = False
    custom_converters: tuple[str, ...] = ()
    notice: str = ""
    masked: Mapping[str, str] = field(default_factory=dict)

    @property
    def postgres(self) -> PostgresSettings:
        """The settings of a PostgreSQL connector.

        Raises:
            ConfigError: it is another one's.
        """
        if not isinstance(self.source, PostgresSettings):
            raise ConfigError(
                f"connector {self.name} does not read PostgreSQL", "This command is for PostgreSQL connectors."
            )
        return self.source

    @classmethod
    def from_raw(cls, raw: Mapping[str, str], providers: Mapping[str, Provider] = PROVIDERS) -> ConnectorConfig:
        """Return the settings that a configuration as it stands in a file means, `name` included.

        Raises:
            InvalidConfig: with every problem there is; a ConfigError.
        """
        resolved = resolve(raw, providers)
        return cls.from_config(definition_of(resolved.values).parse(resolved.values, resolved.secret))

    @classmethod
    def from_config(cls, config: Config) -> ConnectorConfig:
        """Return the settings of a configuration that has been parsed."""
        return cls(
            name=config.string("name"),
            source=_source(config),
            kafka=KafkaSettings.from_config(config),
            key_converter=ConverterSettings.from_config(config, "key"),
            value_converter=ConverterSettings.from_config(config, "value"),
            pipeline=PipelineSettings.from_config(config),
            tasks_max=config.integer("tasks.max"),
            by_record=_is_by_record(config),
            custom_converters=config.list("converters"),
            notice=config.notice(),
            masked=config.masked(),
        )


_DEFINITIONS: Final[Mapping[ConnectorClass, Definition]] = {
    ConnectorClass.POSTGRES: POSTGRES,
    ConnectorClass.MYSQL: MYSQL,
}


def definition_of(raw: Mapping[str, str]) -> Definition:
    """Return the table of properties of the connector that a configuration names; PostgreSQL's, where it names none that is known."""
    return _DEFINITIONS[connector_class(raw.get("connector.class", "")) or ConnectorClass.POSTGRES]


def _source(config: Config) -> SourceSettings:
    if connector_class(config.string("connector.class")) is ConnectorClass.MYSQL:
        return MySqlSettings.from_config(config)
    return PostgresSettings.from_config(config)


def _is_by_record(config: Config) -> bool:
    compiled = (
        is_json(config.string("key.converter")),
        is_json(config.string("value.converter")),
        is_simple(config.string("header.converter")),
    )
    return bool(config.list("transforms") or plugin_names(config)) or not all(compiled)
