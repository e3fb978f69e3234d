"""Which plugin a name means: connectors, converters, transforms, predicates, config providers, post processors, column converters."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cdc.config.config_provider import ConfigProvider
from cdc.config.property import nearest
from cdc.connect.aliases import BUILT_INS, BuiltIn, Kind
from cdc.connect.herder import PluginInfo, RequestError
from cdc.connect.plugin import CONNECTORS, CONTRACTS, Plugin
from cdc.connect.plugin_discovery import installed_plugins

log = logging.getLogger(__name__)

_UNLISTED: Final = frozenset({Kind.CONFIG_PROVIDER, Kind.POST_PROCESSOR, Kind.COLUMN_CONVERTER})
_LISTED: Final = tuple(kind for kind in CONTRACTS if kind not in _UNLISTED)


@dataclass(frozen=True, slots=True)
class _Noun:
    """What Connect calls the kinds that one lookup looks for."""

    singular: str
    plural: str
    kinds: tuple[Kind, ...]


_CONNECTOR: Final = _Noun("Connector", "connectors", CONNECTORS)
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
        found = cls(installed_plugins(plugin_path, built_ins))
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
            if not each.error and each.kind in (CONNECTORS if connectors_only else _LISTED)
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
