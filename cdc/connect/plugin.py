"""One class that configurations can name, and whether it keeps the contract of its kind."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cdc.config.config_provider import ConfigProvider
from cdc.config.definition import Definition
from cdc.connect.aliases import Kind
from cdc.connect.herder import RequestError
from cdc.converters.base import Converter, HeaderConverter
from cdc.sinks.base import SinkConnector, SinkTask
from cdc.sources.columns.converter import ColumnConverter
from cdc.sources.connector import SourceConnector, SourceTask
from cdc.transforms.base import PostProcessor, Predicate, Transformation

UNDEFINED: Final = "undefined"
"""The version of a plugin that names none, as Connect shows it."""

CONTRACTS: Final[Mapping[Kind, type]] = {
    Kind.SINK: SinkConnector,
    Kind.SOURCE: SourceConnector,
    Kind.TRANSFORMATION: Transformation,
    Kind.PREDICATE: Predicate,
    Kind.CONVERTER: Converter,
    Kind.HEADER_CONVERTER: HeaderConverter,
    Kind.CONFIG_PROVIDER: ConfigProvider,
    Kind.POST_PROCESSOR: PostProcessor,
    Kind.COLUMN_CONVERTER: ColumnConverter,
}
_TASKS: Final[Mapping[Kind, type]] = {Kind.SINK: SinkTask, Kind.SOURCE: SourceTask}
CONNECTORS: Final = (Kind.SINK, Kind.SOURCE)


@dataclass(frozen=True, slots=True)
class Plugin:
    """One class that configurations can name.

    `class_name` is what REST shows: Java's name for those that have one, else the dotted path in Python. `target` is `module:Class`;
    `cls` is the class once it is imported, which those that come with cdc-stream are by `load`. `error` is why it cannot be used, or "".
    `short` are further names that mean it.
    """

    class_name: str
    kind: Kind
    version: str = UNDEFINED
    target: str = ""
    cls: type | None = None
    error: str = ""
    short: tuple[str, ...] = ()

    def load(self) -> type[Any]:
        """Return the class, imported now if it was not yet, which blocks for a moment.

        Raises:
            RequestError: it cannot be used; the sentence names the plugin and the cause.
        """
        cls, error = (self.cls, self.error) if self.cls or self.error else _checked(self.target, self.kind)
        if cls is None or error:
            fact = f"the plugin {self.class_name} cannot be used: {error}"
            raise RequestError(fact, "Mend or remove the plugin, and start the worker again.")
        return cls

    @property
    def names(self) -> frozenset[str]:
        """All names that mean this plugin, in small letters: full, simple, simple without the word for its kind, short."""
        simple = self.class_name.rpartition(".")[2]
        words = (self.class_name, simple, _without_kind(simple, self.kind), *self.short)
        return frozenset(word.lower() for word in words)


def imported(target: str) -> tuple[object, str]:
    """Return what `module:name` means, or None and why it cannot be had."""
    module, _, path = target.partition(":")
    try:
        found: object = importlib.import_module(module.strip())
        for name in path.strip().split("."):
            found = getattr(found, name)
    except (Exception, SystemExit) as error:  # noqa: BLE001 (somebody else's code may raise anything)
        return None, f"importing {module} raised {type(error).__name__}: {error}"
    return found, ""


def _checked(target: str, kind: Kind) -> tuple[type | None, str]:
    """Return the class that a target means, or why it is none of its kind."""
    found, error = imported(target)
    if error:
        return None, error
    if not isinstance(found, type):
        return None, f"{target} is not a class"
    return found, fault(found, kind)


def fault(cls: type, kind: Kind) -> str:
    """Return what a class lacks of the contract of a kind, as a phrase; "" when it lacks nothing."""
    lacks = missing_members(cls, kind)
    return f"it lacks {', '.join(lacks)} of {CONTRACTS[kind].__name__}" if lacks else ""


def missing_members(cls: type, kind: Kind) -> list[str]:
    """Return what a class lacks of the contract of a kind, those of its tasks included, in the order of the contract."""
    lacks = [name for name in _members(CONTRACTS[kind]) if not hasattr(cls, name)]
    if "definition" not in lacks and not isinstance(getattr(cls, "definition", None), Definition):
        lacks.append("definition (a cdc.config.definition.Definition)")
    task = getattr(cls, "task", None)
    # A source without a task hands over compiled batches.
    if kind is Kind.SINK or (kind is Kind.SOURCE and task is not None):
        lacks += [f"task.{name}" for name in _members(_TASKS[kind]) if not hasattr(task, name)]
    return lacks


def _members(contract: type) -> list[str]:
    """Return the public names of a protocol, in order."""
    return [name for name in (*contract.__annotations__, *vars(contract)) if not name.startswith("_")]


def _without_kind(simple: str, kind: Kind) -> str:
    suffix = "Connector" if kind in (*CONNECTORS, Kind.UNKNOWN) else kind.title().replace("_", "")
    return simple.removesuffix(suffix) or simple
