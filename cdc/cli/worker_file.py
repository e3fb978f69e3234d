"""A worker's file as commands read it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cdc.config.connector import ConnectorConfig
from cdc.config.files import parse_properties, read_text
from cdc.config.property import split_list
from cdc.config.worker import WorkerSettings
from cdc.connect.plugins import Plugins
from cdc.connect.worker import Worker


def read_worker(
    file: Path, given: Mapping[str, str] | None = None, *, distributed: bool | None = None
) -> tuple[WorkerSettings, Plugins]:
    """Return what a worker's file says, with the plugins; a config provider in it may be one of them.

    `given` stands instead of what the file says. Where it is not said whether the worker is one of a cluster, its `group.id` tells.

    Raises:
        InvalidConfig: with every problem of the file.
    """
    raw = {**parse_properties(read_text(file), str(file)), **(given or {})}
    plugins = Plugins.discover([Path(each) for each in split_list(raw.get("plugin.path", ""))])
    in_cluster = "group.id" in raw if distributed is None else distributed
    return WorkerSettings.from_raw(raw, distributed=in_cluster, plugin=plugins.config_provider), plugins


def connector_on_worker(file: Path, given: Mapping[str, str], name: str, config: Mapping[str, str]) -> ConnectorConfig:
    """Return a connector's configuration as it takes effect on the worker of a file; `given` is as for `read_worker`.

    Raises:
        ConfigError: the file or the configuration cannot be used.
        RequestError: the connector is not one whose log this program reads.
    """
    return Worker(*read_worker(file, given)).connector_config(name, config)
