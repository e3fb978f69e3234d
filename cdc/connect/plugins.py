"""What connectors, converters, transforms, predicates, config providers, post processors and column converters are installed, and which one a name means.

Plugins come from three places; of two with the same class the first counts:

1. those that come with cdc-stream (`cdc/connect/aliases.py`);
2. installed packages with entry points in the groups `cdc.connectors`, `cdc.converters`, `cdc.transforms`, `cdc.predicates`,
   `cdc.config_providers`, `cdc.post_processors` and `cdc.column_converters`;
3. `plugin.path`: a list of folders and wheels, given by their absolute paths.

A folder of `plugin.path`, and each folder right in it, may hold

- packages as `pip install --target FOLDER …` leaves them, dependencies included: their entry points are read;
- wheels without compiled modules: the same;
- a module or a package of one's own, without metadata, that says what it offers: `cdc_plugins = [MyConnector, MyConverter]`. Others are
  left alone, so a folder full of dependencies costs nothing.

All of them are put at the end of `sys.path`: a plugin cannot replace a module of cdc-stream or of Python. The current directory is never
searched. A plugin that raises when it is imported, or lacks what its contract asks for, is kept with its error, which is the answer to
whoever asks for it; the worker lives.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import logging
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cdc.config.config_provider import ConfigProvider
from cdc.config.definition import Definition
from cdc.config.property import nearest
from cdc.connect.aliases import BUILT_INS, BuiltIn, Kind
from cdc.connect.herder import PluginInfo, RequestError
from cdc.converters.base import Converter, HeaderConverter
from cdc.errors import ConfigError
from cdc.sinks.base import SinkConnector, SinkTask
from cdc.sources.columns.converter import ColumnConverter
from cdc.sources.connector import SourceConnector, SourceTask
from cdc.transforms.base import PostProcessor, Predicate, Transformation

log = logging.getLogger(__name__)

UNDEFINED: Final = "undefined"
"""The version of a plugin that names none, as Connect shows it."""

_CONTRACTS: Final[Mapping[Kind, type]] = {
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
_CONNECTORS: Final = (Kind.SINK, Kind.SOURCE)
_UNLISTED: Final = frozenset({Kind.CONFIG_PROVIDER, Kind.POST_PROCESSOR, Kind.COLUMN_CONVERTER})
_LISTED: Final = tuple(kind for kind in _CONTRACTS if kind not in _UNLISTED)
_GROUPS: Final[Mapping[str, tuple[Kind, ...]]] = {
    "cdc.connectors": _CONNECTORS,
    "cdc.converters": (Kind.CONVERTER, Kind.HEADER_CONVERTER),
    "cdc.transforms": (Kind.TRANSFORMATION,),
    "cdc.predicates": (Kind.PREDICATE,),
    "cdc.config_providers": (Kind.CONFIG_PROVIDER,),
    "cdc.post_processors": (Kind.POST_PROCESSOR,),
    "cdc.column_converters": (Kind.COLUMN_CONVERTER,),
}
_OFFERS: Final = re.compile(r"^cdc_plugins\b", re.MULTILINE)


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


@dataclass(frozen=True, slots=True)
class _Noun:
    """What Connect calls the kinds that one lookup looks for."""

    singular: str
    plural: str
    kinds: tuple[Kind, ...]


_CONNECTOR: Final = _Noun("Connector", "connectors", _CONNECTORS)
_CONVERTER: Final = _Noun("Converter", "converters", (Kind.CONVERTER,))
_HEADER_CONVERTER: Final = _Noun("HeaderConverter", "header converters", (Kind.HEADER_CONVERTER,))
_TRANSFORMATION: Final = _Noun("Transformation", "transformations", (Kind.TRANSFORMATION,))
_PREDICATE: Final = _Noun("Predicate", "predicates", (Kind.PREDICATE,))
_CONFIG_PROVIDER: Final = _Noun("ConfigProvider", "config providers", (Kind.CONFIG_PROVIDER,))
_POST_PROCESSOR: Final = _Noun("PostProcessor", "post processors", (Kind.POST_PROCESSOR,))
_COLUMN_CONVERTER: Final = _Noun("ColumnConverter", "column converters", (Kind.COLUMN_CONVERTER,))


class Plugins:
    """The plugins of a worker, by name. Immutable; lookups take no account of case.

    A name is the full name of a class, its simple name, the simple name without the last word ("FileStreamSource"), or a short name of
    ours ("postgres"). All lookups raise RequestError for a name that means none or several, or a plugin that cannot be used.
    """

    def __init__(self, plugins: Iterable[Plugin]) -> None:
        """Keep the plugins; of two with one name and kind, the first."""
        kept: dict[tuple[str, Kind], Plugin] = {}
        for each in plugins:
            kept.setdefault((each.class_name, each.kind), each)
        self._known = tuple(kept.values())
        self._listed = tuple(sorted(kept.values(), key=_place))

    @classmethod
    def discover(cls, plugin_path: Sequence[Path] = (), built_ins: Sequence[BuiltIn] = BUILT_INS) -> Plugins:
        """Return all plugins that there are. Blocks: it reads folders and imports what is not of cdc-stream.

        Raises:
            ConfigError: an entry of `plugin.path` does not exist, or is neither a folder nor a wheel.
        """
        version = importlib.metadata.version("cdc-stream")
        ours = (
            Plugin(each.class_name, kind, version, each.target, short=each.short)
            for each in built_ins
            for kind in each.kinds
        )
        found = cls((*ours, *_installed(), *_beneath(plugin_path)))
        for each in found.all():
            if each.error:
                log.warning("the plugin %s cannot be used: %s", each.class_name, each.error)
        return found

    def connector(self, name: str) -> Plugin:
        """Return the connector, source or sink, that a `connector.class` means."""
        return self._find(_CONNECTOR, name)

    def converter(self, name: str) -> Plugin:
        """Return the converter that a `key.converter` or `value.converter` means."""
        return self._find(_CONVERTER, name)

    def header_converter(self, name: str) -> Plugin:
        """Return the header converter that a `header.converter` means."""
        return self._find(_HEADER_CONVERTER, name)

    def transformation(self, name: str) -> Plugin:
        """Return the transform that a `transforms.<name>.type` means."""
        return self._find(_TRANSFORMATION, name)

    def predicate(self, name: str) -> Plugin:
        """Return the predicate that a `predicates.<name>.type` means."""
        return self._find(_PREDICATE, name)

    def post_processor(self, name: str) -> Plugin:
        """Return the post processor that a `post.processors.<name>.type` means."""
        return self._find(_POST_PROCESSOR, name)

    def column_converter(self, name: str) -> Plugin:
        """Return the custom converter of columns that a `<name>.type`, of one of `converters`, means."""
        return self._find(_COLUMN_CONVERTER, name)

    def config_provider(self, name: str) -> type[ConfigProvider]:
        """Return the class of the provider that a `config.providers.<name>.class` means."""
        return self._find(_CONFIG_PROVIDER, name).load()

    def plugin(self, name: str) -> Plugin:
        """Return the plugin of any kind that a name means, connectors first: what `/connector-plugins/{name}/config` asks for."""
        nouns = (_CONNECTOR, _TRANSFORMATION, _PREDICATE, _CONVERTER, _HEADER_CONVERTER)
        known = (noun for noun in nouns if self._matching(noun, name))
        return self._find(next(known, _Noun("Plugin", "plugins", _LISTED)), name)

    def all(self) -> tuple[Plugin, ...]:
        """Return every plugin, those that cannot be used included, in the order of `infos`."""
        return self._listed

    def infos(self, *, connectors_only: bool) -> tuple[PluginInfo, ...]:
        """Return what can be used: sinks, sources, transforms, predicates, converters, header converters, each by name."""
        return tuple(
            PluginInfo(each.class_name, each.kind, each.version)
            for each in self._listed
            if not each.error and each.kind in (_CONNECTORS if connectors_only else _LISTED)
        )

    def class_names(self, *kinds: Kind) -> tuple[str, ...]:
        """Return the names of the usable plugins of these kinds, by name."""
        return tuple(sorted(p.class_name for p in self._known if p.kind in kinds and not p.error))

    def _find(self, noun: _Noun, name: str) -> Plugin:
        found = self._matching(noun, name)
        if not found:
            raise self._unknown(noun, name)
        if len({each.target or each.class_name for each in found}) > 1:
            raise RequestError(
                f"More than one {noun.singular.lower()} matches alias {name.strip()}. Please use full package and class name instead."
                f" Classes found: {', '.join(each.class_name for each in found)}"
            )
        found[0].load()
        return found[0]

    def _matching(self, noun: _Noun, name: str) -> tuple[Plugin, ...]:
        """Return the plugins that a name means: by full name if there is one, else by any name."""
        word = name.strip().lower()
        of_kind = [each for each in self._known if each.kind in noun.kinds]
        full = tuple(each for each in of_kind if each.class_name.lower() == word)
        if full:
            return full[:1]
        by_alias = tuple(each for each in of_kind if word in each.names)
        return by_alias or tuple(each for each in self._known if _may_hold(each, word))

    def _unknown(self, noun: _Noun, name: str) -> RequestError:
        usable = [each for each in self._known if each.kind in noun.kinds and not each.error]
        available = ", ".join(sorted(each.class_name for each in usable))
        near = nearest(name.strip().lower(), sorted({word for each in usable for word in each.names}))
        meant = next((each.class_name for each in usable if near in each.names), "")
        return RequestError(
            f"Failed to find any class that implements {noun.singular} and which name matches {name.strip()},"
            f" available {noun.plural} are: {available}",
            f"Did you mean {meant}?" if meant else "Use one of these, or install the plugin.",
        )


def _may_hold(plugin: Plugin, word: str) -> bool:
    """Whether this is a module that could not be imported, and the class asked for may be in it."""
    name = plugin.class_name.lower()
    return plugin.kind is Kind.UNKNOWN and (word == name or word.startswith(f"{name}.") or word in plugin.names)


def _place(plugin: Plugin) -> tuple[int, str]:
    return list(Kind).index(plugin.kind), plugin.class_name


def _without_kind(simple: str, kind: Kind) -> str:
    suffix = "Connector" if kind in (*_CONNECTORS, Kind.UNKNOWN) else kind.title().replace("_", "")
    return simple.removesuffix(suffix) or simple


def _imported(target: str) -> tuple[object, str]:
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
    found, error = _imported(target)
    if error:
        return None, error
    if not isinstance(found, type):
        return None, f"{target} is not a class"
    return found, _fault(found, kind)


def _fault(cls: type, kind: Kind) -> str:
    """Return what a class lacks of the contract of a kind, as a phrase; "" when it lacks nothing."""
    lacks = _lacks(cls, kind)
    return f"it lacks {', '.join(lacks)} of {_CONTRACTS[kind].__name__}" if lacks else ""


def _lacks(cls: type, kind: Kind) -> list[str]:
    lacks = [name for name in _members(_CONTRACTS[kind]) if not hasattr(cls, name)]
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


def _offered(target: str, kinds: Sequence[Kind], version: str, short: str = "") -> Iterator[Plugin]:
    """Yield what a class can be used as, or one plugin with the reason why it cannot be."""
    found, error = _imported(target)
    if error or not isinstance(found, type):
        kind = kinds[0] if len(kinds) == 1 else Kind.UNKNOWN
        yield _broken(target.replace(":", "."), error or f"{target} is not a class", kind, version, short)
        return
    yield from _as_kinds(found, kinds, version, short)


def _as_kinds(cls: type, kinds: Sequence[Kind], version: str, short: str = "") -> Iterator[Plugin]:
    name = f"{cls.__module__}.{cls.__qualname__}"
    own = getattr(cls, "version", version)
    shown = own if isinstance(own, str) else version
    fitting = [kind for kind in kinds if not _lacks(cls, kind)]
    for kind in fitting:
        yield Plugin(name, kind, shown, f"{cls.__module__}:{cls.__qualname__}", cls, short=_words(short))
    if not fitting:
        nearly = min(kinds, key=lambda kind: len(_lacks(cls, kind)))
        yield _broken(name, _fault(cls, nearly), nearly, shown, short)


def _broken(name: str, error: str, kind: Kind = Kind.UNKNOWN, version: str = UNDEFINED, short: str = "") -> Plugin:
    return Plugin(name, kind, version, error=error, short=_words(short))


def _words(short: str) -> tuple[str, ...]:
    return (short,) if short else ()


def _installed() -> Iterator[Plugin]:
    """Yield what installed packages offer; one that only lies in the current directory does not count."""
    here = Path.cwd()
    yield from _by_entry_points([place for place in sys.path if place and Path(place).resolve() != here])


def _by_entry_points(places: Sequence[str]) -> Iterator[Plugin]:
    for distribution in importlib.metadata.distributions(path=list(places)):
        for entry in distribution.entry_points:
            if entry.group in _GROUPS:
                target = entry.value.partition("[")[0].strip()
                yield from _offered(target, _GROUPS[entry.group], distribution.version or UNDEFINED, entry.name)


@dataclass(frozen=True, slots=True)
class _Place:
    """A wheel or a folder of `plugin.path`: `modules` say what they offer, `fault` is why nothing can be imported."""

    path: Path
    modules: tuple[str, ...] = ()
    fault: str = ""


def _beneath(plugin_path: Sequence[Path]) -> Iterator[Plugin]:
    """Yield what is found in `plugin.path`, after all of it can be imported."""
    places = [place for entry in plugin_path for place in _places(entry)]
    for place in places:
        if not place.fault and str(place.path) not in sys.path:
            sys.path.append(str(place.path))
    importlib.invalidate_caches()
    for place in places:
        yield from _in_place(place)


def _in_place(place: _Place) -> Iterator[Plugin]:
    if place.fault:
        yield _broken(place.path.name, place.fault)
        return
    yield from _by_entry_points([str(place.path)])
    for module in place.modules:
        offers, error = _imported(f"{module}:cdc_plugins")
        if error or not isinstance(offers, Sequence) or not all(isinstance(each, type) for each in offers):
            yield _broken(module, error or f"its cdc_plugins is not a list of classes: {offers!r}")
            continue
        for cls in offers:
            yield from _as_kinds(cls, tuple(_CONTRACTS), UNDEFINED)


def _places(entry: Path) -> Iterator[_Place]:
    """Yield what is to be put on `sys.path` for one entry of `plugin.path`, in the order of names."""
    if not entry.is_absolute():
        fact = f"plugin.path names {str(entry)!r}, which depends on the directory that the worker is started in"
        raise ConfigError(fact, "Give an absolute path.")
    if not entry.exists():
        raise ConfigError(f"plugin.path names {entry}, which does not exist", "Create it, or correct the path.")
    if entry.is_dir():
        yield from _folder(entry)
        for folder in sorted(entry.iterdir()):
            if folder.is_dir() and not (folder / "__init__.py").exists():
                yield from _folder(folder)
    elif entry.suffix == ".whl":
        yield _wheel(entry)
    else:
        raise ConfigError(f"plugin.path names {entry}, which is neither a folder nor a wheel", "Name its folder.")


def _folder(folder: Path) -> Iterator[_Place]:
    try:
        content = sorted(folder.iterdir())
    except OSError as error:
        fact = f"{folder} in plugin.path cannot be read: {error.strerror}"
        raise ConfigError(fact, "Check its permissions.") from error
    yield from (_wheel(path) for path in content if path.suffix == ".whl")
    modules = tuple(path.stem for path in content if _offers(path))
    if modules or any(path.suffix == ".dist-info" for path in content):
        yield _Place(folder, modules)


def _offers(path: Path) -> bool:
    """Whether a module or a package has a line that begins with `cdc_plugins`; told without importing it."""
    source = path / "__init__.py" if path.is_dir() else path
    if source.suffix != ".py" or not path.stem.isidentifier():
        return False
    try:
        return bool(_OFFERS.search(source.read_text(encoding="utf-8", errors="replace")))
    except OSError:
        return False


def _wheel(path: Path) -> _Place:
    try:
        with zipfile.ZipFile(path) as wheel:
            compiled = next((name for name in wheel.namelist() if name.endswith((".so", ".pyd"))), "")
    except (OSError, zipfile.BadZipFile) as error:
        return _Place(path, fault=f"it cannot be read as a wheel: {error}")
    if compiled:
        return _Place(
            path,
            fault=f"it holds {compiled}, and compiled modules need a folder: pip install --target FOLDER {path.name}",
        )
    return _Place(path)
