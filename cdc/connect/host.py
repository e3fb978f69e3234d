"""What a herder asks of its worker: to check configurations, to start connectors, and to make what their tasks do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from cdc.connect.herder import ConnectorOffset, ConnectorType, PluginInfo, TaskId
from cdc.connect.task_run import Work
from cdc.metrics.counters import Startups
from cdc.model.position import Json


class Stoppable(Protocol):
    """A connector that was started."""

    async def stop(self) -> None:
        """Release everything; called once."""


@dataclass(frozen=True, slots=True)
class ConnectorHandle:
    """A connector that was started.

    `task_configs` are the configurations of its tasks, fit to be shown and stored: references stand where providers have brought something.
    """

    connector: Stoppable
    task_configs: Sequence[Mapping[str, str]]


class Host(Protocol):
    """Knows the plugins and the cluster, and keeps no state of its own; any number of callers."""

    @property
    def startups(self) -> Startups:
        """How what it has started came up."""

    async def check(self, name: str, config: Mapping[str, str]) -> ConnectorType:
        """Return which way the connector goes; raises RequestError with everything that is wrong with the configuration."""

    def kind(self, config: Mapping[str, str]) -> ConnectorType:
        """Return which way the connector of a configuration goes; UNKNOWN when its plugin is not installed here."""

    def version(self, config: Mapping[str, str]) -> str:
        """Return the version of the connector's plugin, "" when it is not installed here."""

    async def start_connector(self, name: str, config: Mapping[str, str]) -> ConnectorHandle:
        """Start a connector and ask it for its tasks; raises CdcError when it cannot run."""

    def work(
        self,
        id: TaskId,  # noqa: A002 (the field's word)
        config: Mapping[str, str],
        task: Mapping[str, str],
        verify: Callable[[], Awaitable[None]] | None = None,
    ) -> Work:
        """Return what a task does, of its connector's configuration and one of the `task_configs`; raises CdcError when it cannot run.

        What providers bring is fetched anew. A source task calls `verify` whenever it has shut out earlier instances, before it reads or
        writes anything; what that raises ends it.
        """

    async def fence(self, name: str, config: Mapping[str, str], tasks: int) -> None:
        """Shut out whatever still runs as one of the first so many tasks of a source connector: it can write nothing more."""

    def hide(self, name: str, text: str) -> str:
        """Return a text without anything that providers have ever brought to the connector of that name."""

    async def offsets(self, name: str, config: Mapping[str, str]) -> Sequence[ConnectorOffset]:
        """Return the committed offsets of a connector."""

    async def alter_offsets(self, name: str, config: Mapping[str, str], offsets: Sequence[ConnectorOffset]) -> bool:
        """Store offsets of a stopped connector; return whether the connector has made sure that they can be used."""

    async def reset_offsets(self, name: str, config: Mapping[str, str]) -> bool:
        """Remove all offsets of a stopped connector; return as `alter_offsets`."""

    async def kafka_cluster_id(self) -> str:
        """Return the id of the Kafka cluster."""

    def plugins(self, *, connectors_only: bool) -> Sequence[PluginInfo]:
        """Return what is installed."""

    def plugin_config(self, plugin: str) -> Sequence[Mapping[str, Json]]:
        """Return the property definitions of a plugin, in Connect's shape."""

    async def validate(self, plugin: str, config: Mapping[str, str]) -> Mapping[str, Json]:
        """Return Connect's `ConfigInfos` for a configuration."""
