"""The worker's `Host`: plugins and cluster put to work for a herder."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from cdc.config.connector import ConnectorConfig
from cdc.config.definition import Definition, InvalidConfig
from cdc.config.property import Problem, split_list
from cdc.config.regex import compile_java
from cdc.config.secret import MASK
from cdc.config.worker import WorkerSettings
from cdc.config.worker_clients import GROUP_CONSUMER
from cdc.connect.aliases import Kind
from cdc.connect.connector_offsets import (
    group_of,
    reset_sink_offsets,
    sink_offsets,
    sink_request,
    source_offsets,
    store_sink_offsets,
    store_source_offsets,
)
from cdc.connect.connector_properties import for_pipeline, for_sink, for_source
from cdc.connect.conversion import conversion
from cdc.connect.effective import Effective, effective, inherited
from cdc.connect.encoding import record_encoder
from cdc.connect.herder import ConnectorOffset, ConnectorType, NotFound, PluginInfo, RequestError, TaskId
from cdc.connect.host import ConnectorHandle
from cdc.connect.metrics.startups import CountedWork
from cdc.connect.plugin import Plugin
from cdc.connect.plugins import Plugins
from cdc.connect.task_run import Work
from cdc.connect.tolerance import ErrorSettings
from cdc.connect.validation import ConfigInfos, config_keys, errors_of, failure, validate
from cdc.connect.work import PipelineWork, SinkPlan, SinkWork, SourceWork, Verify
from cdc.errors import CdcError, ConfigError
from cdc.kafka.cluster import cluster_id
from cdc.kafka.fencing import fence
from cdc.kafka.group import GroupSettings
from cdc.metrics.counters import Startups
from cdc.model.position import Json

log = logging.getLogger(__name__)

CONVERTERS: Final = ("key.converter", "value.converter", "header.converter")
_CLASS: Final = "connector.class"
_GROUP: Final = Definition(GROUP_CONSUMER)


@dataclass(frozen=True, slots=True)
class _Known:
    """A connector's configuration with the class that it names."""

    plugin: Plugin
    found: Effective

    @property
    def connector(self) -> Any:
        """A new instance of the connector."""
        return self.plugin.load()()

    @property
    def is_sink(self) -> bool:
        return self.plugin.kind is Kind.SINK

    @property
    def is_pipeline(self) -> bool:
        """Whether its changes come as compiled batches."""
        return not self.is_sink and self.plugin.load().task is None


class Worker:
    """Knows what is installed and where Kafka is; a `Host`.

    It keeps nothing of the connectors that it starts but what providers have brought them, which is to be hidden.
    """

    def __init__(self, settings: WorkerSettings, plugins: Plugins) -> None:
        self._settings = settings
        self._plugins = plugins
        self._cluster_id = ""
        self.startups = Startups()
        self._brought: dict[str, set[str]] = {}

    async def check(self, name: str, config: Mapping[str, str]) -> ConnectorType:
        """See `Host.check`."""
        if config.get("name", name) != name:
            raise RequestError(
                f"Connector name configuration ({config['name']}) doesn't match connector name in the URL ({name})"
            )
        plugin = self._plugin(config)
        errors = errors_of(await self._validated(plugin, {**config, "name": name}))
        if errors:
            raise failure(errors)
        return self.kind(config)

    def kind(self, config: Mapping[str, str]) -> ConnectorType:
        """See `Host.kind`."""
        try:
            return ConnectorType.SINK if self._plugin(config).kind is Kind.SINK else ConnectorType.SOURCE
        except RequestError:
            return ConnectorType.UNKNOWN

    def version(self, config: Mapping[str, str]) -> str:
        """See `Host.version`."""
        try:
            return self._plugin(config).version
        except RequestError:
            return ""

    async def start_connector(self, name: str, config: Mapping[str, str]) -> ConnectorHandle:
        """See `Host.start_connector`."""
        with self.startups.connectors.attempt():
            return await self._start_connector(self._known(name, config))

    async def _start_connector(self, known: _Known) -> ConnectorHandle:
        connector, found = known.connector, known.found
        try:
            await connector.start(found.values)
            tasks = await _task_configs(known, connector)
            written = [found.written({**_own(found, task), "task.class": _task_class(known)}) for task in tasks]
        except BaseException:
            with suppress(Exception):
                await connector.stop()
            raise
        return ConnectorHandle(connector, written)

    def work(
        self,
        id: TaskId,  # noqa: A002
        config: Mapping[str, str],
        task: Mapping[str, str],
        verify: Verify | None = None,
    ) -> Work:
        """See `Host.work`."""
        return CountedWork(partial(self._new_work, id, config, task, verify), self.startups.tasks)

    def _new_work(
        self,
        id: TaskId,  # noqa: A002
        config: Mapping[str, str],
        task: Mapping[str, str],
        verify: Verify | None,
    ) -> Work:
        known = self._known(id.connector, config)
        if known.is_pipeline:
            return PipelineWork(_pipeline_config(known), record_encoder(self._plugins, known.found, id), verify)
        properties = known.found.read({name: text for name, text in task.items() if name != "task.class"})
        return self._sink(known, id, properties) if known.is_sink else self._source(known, id, properties, verify)

    def connector_config(self, name: str, config: Mapping[str, str]) -> ConnectorConfig:
        """Return the configuration of a connector that this program knows as `cdc-stream run` does, as it takes effect here.

        Raises:
            InvalidConfig: it cannot be used.
            RequestError: there is no such class, or it is a plugin or a sink.
        """
        known = self._known(name, config)
        if not known.is_pipeline:
            raise RequestError(
                f"Connector {name} is of class {known.plugin.class_name}, and not one that reads a database's log",
                "Name the file of another connector.",
            )
        return _pipeline_config(known)

    async def fence(self, name: str, config: Mapping[str, str], tasks: int) -> None:
        """See `Host.fence`."""
        known = self._known(name, config)
        if not known.is_sink and tasks:
            kafka = known.found.kafka()
            await fence(kafka, {known.found.kafka(task).transactional_id for task in range(tasks)})

    def hide(self, name: str, text: str) -> str:
        """See `Host.hide`."""
        for secret in sorted(self._brought.get(name, ()), key=len, reverse=True):
            text = text.replace(secret, MASK)
        return text

    async def offsets(self, name: str, config: Mapping[str, str]) -> Sequence[ConnectorOffset]:
        """See `Host.offsets`."""
        known = self._known(name, config)
        kafka = known.found.kafka()
        return await (sink_offsets(kafka, name) if known.is_sink else source_offsets(kafka, name))

    async def alter_offsets(self, name: str, config: Mapping[str, str], offsets: Sequence[ConnectorOffset]) -> bool:
        """See `Host.alter_offsets`."""
        known = self._known(name, config)
        kafka = known.found.kafka()
        if known.is_sink:
            wanted = sink_request(offsets)
            sure = await _approved(known, wanted)
            await store_sink_offsets(kafka, name, wanted)
        else:
            pairs: list[Any] = [(each.partition, each.offset) for each in offsets]
            sure = await _approved(known, pairs)
            await store_source_offsets(kafka, name, pairs)
        return sure

    async def reset_offsets(self, name: str, config: Mapping[str, str]) -> bool:
        """See `Host.reset_offsets`."""
        known = self._known(name, config)
        removed = [ConnectorOffset(each.partition, None) for each in await self.offsets(name, config)]
        if not known.is_sink:
            return await self.alter_offsets(name, config, removed)
        sure = await _approved(known, sink_request(removed))
        await reset_sink_offsets(known.found.kafka(), name)
        return sure

    async def kafka_cluster_id(self) -> str:
        """See `Host.kafka_cluster_id`."""
        if not self._cluster_id:
            self._cluster_id = await cluster_id(self._settings.kafka_settings("worker"))
        return self._cluster_id

    def plugins(self, *, connectors_only: bool) -> Sequence[PluginInfo]:
        """See `Host.plugins`."""
        return self._plugins.infos(connectors_only=connectors_only)

    def plugin_config(self, plugin: str) -> Sequence[Mapping[str, Json]]:
        """See `Host.plugin_config`."""
        try:
            found = self._plugins.plugin(plugin)
        except RequestError as error:
            raise NotFound(f"Unknown plugin {plugin}.", error.remedy) from error
        return config_keys(self._definition(found))

    async def validate(self, plugin: str, config: Mapping[str, str]) -> ConfigInfos:
        """See `Host.validate`."""
        found = self._plugins.plugin(plugin)
        if _CLASS in config and self._plugins.plugin(config[_CLASS]) != found:
            raise RequestError(
                f"Included connector type {config[_CLASS]} does not match request type {plugin}",
                "Name the same connector in both places.",
            )
        return await self._validated(found, config)

    def _plugin(self, config: Mapping[str, str]) -> Plugin:
        named = config.get(_CLASS, "").strip()
        if not named:
            raise RequestError(
                "Connector config contains no connector type", f"Set {_CLASS} to the name of a connector."
            )
        return self._plugins.connector(named)

    def _known(self, name: str, config: Mapping[str, str]) -> _Known:
        """Return the connector that a configuration means; raises InvalidConfig when a secret cannot be fetched."""
        return _Known(self._plugin(config), self._effective(name, config))

    def _effective(self, name: str, config: Mapping[str, str]) -> Effective:
        settings = self._settings
        found = effective(name, config, settings.converters, self._client(), settings.providers)
        self._brought.setdefault(name, set()).update(found.brought())
        return found

    def _client(self) -> Mapping[str, str]:
        """Return what the worker says of Kafka for all connectors."""
        topic = self._settings.offset_topic
        offsets = {
            "offset.storage.topic": topic.name,
            "offset.storage.partitions": str(topic.partitions),
            "offset.storage.replication.factor": str(topic.replication_factor),
        }
        created = {"topic.creation.enable": str(self._settings.topic_creation).lower()}
        return {**self._settings.kafka_properties(), **created, **(offsets if topic.name else {})}

    def _definition(self, plugin: Plugin) -> Definition:
        """Return all properties of a connector, and those of another plugin alone."""
        cls = plugin.load()
        own: Definition = cls.definition
        if plugin.kind is Kind.SINK:
            return for_sink(own, self._settings.override_policy)
        if plugin.kind is not Kind.SOURCE:
            return own
        return (for_pipeline if cls.task is None else for_source)(own, self._settings.override_policy)

    async def _validated(self, plugin: Plugin, config: Mapping[str, str]) -> ConfigInfos:
        is_connector = plugin.kind in {Kind.SOURCE, Kind.SINK}
        return validate(
            plugin.class_name,
            self._definition(plugin),
            config,
            await self._problems(plugin, config) if is_connector else (),
            providers=self._settings.providers,
            inherited=self._inherited(plugin, config) if is_connector else {},
            defaults={side: self._settings.converters[side] for side in CONVERTERS},
            recommended=self._recommended(),
        )

    def _recommended(self) -> Mapping[str, Sequence[str]]:
        """Return the classes to choose from, by property."""
        converters = self._plugins.class_names(Kind.CONVERTER)
        headers = self._plugins.class_names(Kind.HEADER_CONVERTER)
        return dict(zip(CONVERTERS, (converters, converters, headers), strict=True))

    async def _problems(self, plugin: Plugin, config: Mapping[str, str]) -> Sequence[Problem]:
        """Return what is wrong beyond the properties one by one."""
        name = config.get("name", "")
        try:
            known = _Known(plugin, self._effective(name, config))
        except InvalidConfig as error:
            # That a secret cannot be fetched is found again, property by property; the others are looked at without it.
            unknown = {problem.name for problem in error.problems}
            known = _Known(plugin, self._effective(name, {n: t for n, t in config.items() if n not in unknown}))
        return [*await _own_problems(known), *self._unmade(known)]

    def _inherited(self, plugin: Plugin, config: Mapping[str, str]) -> Mapping[str, str]:
        """Return what the worker adds to a configuration, as far as the connector's definition knows it."""
        definition = self._definition(plugin)
        found = Effective("", config, inherited(config, self._settings.converters), frozenset(), self._client())
        return found.with_client(definition) if _Known(plugin, found).is_pipeline else found.known_to(definition)

    def _unmade(self, known: _Known) -> Sequence[Problem]:
        try:
            conversion(self._plugins, known.found)
        except InvalidConfig as error:
            return [each for each in error.problems if not _is_listed(known, each.name)]
        return ()

    def _source(self, known: _Known, id: TaskId, task: Mapping[str, str], verify: Verify | None) -> Work:  # noqa: A002
        return SourceWork(
            known.found.name,
            known.plugin.load().task,
            task,
            kafka=known.found.kafka(id.task),
            encoder=record_encoder(self._plugins, known.found, id),
            settings=known.found.pipeline(),
            verify=verify,
        )

    def _sink(self, known: _Known, id: TaskId, task: Mapping[str, str]) -> Work:  # noqa: A002
        found = known.found
        overrides = found.beneath("consumer.override.")
        plan = SinkPlan(
            id=id,
            new_task=known.plugin.load().task,
            new_conversion=partial(conversion, self._plugins, found),
            properties=task,
            kafka=self._settings.kafka_settings(f"{found.name}-{id.task}", overrides, "consumer"),
            group=self._group(found),
            errors=ErrorSettings.from_properties(found.values),
            topics=_topics(found.values),
            flush_interval=self._settings.offset_flush_interval,
            grace=self._settings.shutdown_timeout,
        )
        return SinkWork(plan)

    def _group(self, found: Effective) -> GroupSettings:
        """Return how a sink reads: as the worker says of consumers, and the connector of its own."""
        given = {**self._settings.kafka_properties("consumer"), **found.beneath("consumer.override.")}
        known = {name: text for name, text in given.items() if _GROUP.find(name)}
        return GroupSettings.from_config(group_of(found.name), _GROUP.parse(known))


def _pipeline_config(known: _Known) -> ConnectorConfig:
    definition = known.plugin.load().definition
    # Parsed and not read anew: what a provider brought may itself look like a reference.
    return ConnectorConfig.from_config(definition.parse(known.found.with_client(definition), known.found.secret))


def _is_listed(known: _Known, name: str) -> bool:
    """Whether a property of a converter stands in the table of a pipeline, by which it is looked at already."""
    return known.is_pipeline and name not in CONVERTERS and known.plugin.load().definition.find(name) is not None


async def _task_configs(known: _Known, connector: Any) -> Sequence[Mapping[str, str]]:
    """Return how a connector divides its work; raises ConfigError when it does so in a way that it must not."""
    most = int(known.found.values.get("tasks.max", "1"))
    tasks: Any = await connector.task_configs(most)
    if len(tasks) > most:
        fact = f"Connector {known.found.name} has generated {len(tasks)} tasks, and tasks.max is {most}"
        raise ConfigError(fact, "Raise tasks.max, or mend the plugin.")
    for name, text in (item for task in tasks for item in task.items()):
        if not isinstance(name, str) or not isinstance(text, str):
            fact = f"Connector {known.found.name} gives its tasks a property {name!r} that is no text but {type(text).__name__}"
            raise ConfigError(fact, "Mend the plugin.")
    return list(tasks)


async def _own_problems(known: _Known) -> Sequence[Problem]:
    """Return what the connector itself finds wrong; whatever else it raises is wrong with its plugin."""
    try:
        return list(await known.connector.validate(known.found.values))
    except CdcError as error:
        return [Problem(_CLASS, str(error), error.remedy)]
    except Exception as error:
        log.exception("the plugin %s failed as it checked a configuration", known.plugin.class_name)
        fact = f"{known.plugin.class_name} cannot check the configuration: {type(error).__name__}: {error}"
        return [Problem(_CLASS, fact, "Mend the plugin; the worker's log has the traceback.")]


async def _approved(known: _Known, offsets: Any) -> bool:
    """Have the connector check offsets, and return whether they can be used for sure; raises RequestError for unusable ones."""
    try:
        return bool(await known.connector.alter_offsets(known.found.values, offsets))
    except CdcError as error:
        raise RequestError(str(error), error.remedy) from error


def _own(found: Effective, task: Mapping[str, str]) -> dict[str, str]:
    """Return a task's configuration without what the worker says for all connectors."""
    return {name: text for name, text in task.items() if name in {*found.given, "name"} or name not in found.values}


def _task_class(known: _Known) -> str:
    """Return the name of the task's class: as in Java, that of the connector with another last word."""
    name = known.plugin.class_name
    return f"{name.removesuffix('Connector')}{'ConnectorTask' if known.is_pipeline else 'Task'}"


def _topics(values: Mapping[str, str]) -> Sequence[str] | re.Pattern[str]:
    pattern = values.get("topics.regex", "")
    # The translation is for filters, which take no account of case; topics have case.
    return re.compile(compile_java(pattern).pattern, re.ASCII) if pattern else split_list(values.get("topics", ""))
