"""How commands that are about topics reach Kafka: a file of properties, and the option for the brokers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cdc.config import load
from cdc.config.definition import InvalidConfig
from cdc.config.files import parse_properties, read_text
from cdc.config.providers import PROVIDERS, resolve
from cdc.config.settings import KafkaSettings
from cdc.config.worker_providers import build_providers
from cdc.connect.effective import DELIVERY


def kafka_settings(name: str, file: Path | None, bootstrap_servers: str | None) -> KafkaSettings:
    """Return the settings of a client called `cdcstream-<name>`; `bootstrap_servers` counts before the file.

    The file may be that of a Kafka client, of a worker, or of a connector that `cdc-stream run` takes: what is not about Kafka is passed
    over.

    Raises:
        ConfigError: the file or a value cannot be used.
    """
    raw = dict(_read(file)) if file is not None else {}
    if bootstrap_servers:
        raw["bootstrap.servers"] = bootstrap_servers
    own, problems = build_providers(raw)
    if problems:
        raise InvalidConfig(problems)
    about_kafka = {name: text for name, text in raw.items() if DELIVERY.find(name)}
    found = resolve(about_kafka, {**PROVIDERS, **own})
    return KafkaSettings.from_config(DELIVERY.parse({**found.values, "name": name}, found.secret))


def _read(file: Path) -> Mapping[str, str]:
    return load(file)[1] if file.suffix == ".json" else parse_properties(read_text(file), str(file))
