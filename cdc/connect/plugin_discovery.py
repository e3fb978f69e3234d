"""Finds the plugins that are installed.

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
import re
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cdc.connect.aliases import BUILT_INS, BuiltIn, Kind
from cdc.connect.plugin import CONNECTORS, CONTRACTS, UNDEFINED, Plugin, fault, imported, missing_members
from cdc.errors import ConfigError

_GROUPS: Final[Mapping[str, tuple[Kind, ...]]] = {
    "cdc.connectors": CONNECTORS,
    "cdc.converters": (Kind.CONVERTER, Kind.HEADER_CONVERTER),
    "cdc.transforms": (Kind.TRANSFORMATION,),
    "cdc.predicates": (Kind.PREDICATE,),
    "cdc.config_providers": (Kind.CONFIG_PROVIDER,),
    "cdc.post_processors": (Kind.POST_PROCESSOR,),
    "cdc.column_converters": (Kind.COLUMN_CONVERTER,),
}
_OFFERS: Final = re.compile(r"^cdc_plugins\b", re.MULTILINE)


def installed_plugins(plugin_path: Sequence[Path] = (), built_ins: Sequence[BuiltIn] = BUILT_INS) -> Sequence[Plugin]:
    """Return all plugins that there are, in the order in which they count. Blocks: it reads folders and imports what is not of cdc-stream.

    Raises:
        ConfigError: an entry of `plugin.path` does not exist, or is neither a folder nor a wheel.
    """
    version = importlib.metadata.version("cdc-stream")
    ours = (
        Plugin(each.class_name, kind, version, each.target, short=each.short)
        for each in built_ins
        for kind in each.kinds
    )
    return [*ours, *_installed(), *_beneath(plugin_path)]


def _offered(target: str, kinds: Sequence[Kind], version: str, short: str = "") -> Iterator[Plugin]:
    """Yield what a class can be used as, or one plugin with the reason why it cannot be."""
    found, error = imported(target)
    if error or not isinstance(found, type):
        kind = kinds[0] if len(kinds) == 1 else Kind.UNKNOWN
        yield _broken(target.replace(":", "."), error or f"{target} is not a class", kind, version, short)
        return
    yield from _as_kinds(found, kinds, version, short)


def _as_kinds(cls: type, kinds: Sequence[Kind], version: str, short: str = "") -> Iterator[Plugin]:
    name = f"{cls.__module__}.{cls.__qualname__}"
    own = getattr(cls, "version", version)
    shown = own if isinstance(own, str) else version
    fitting = [kind for kind in kinds if not missing_members(cls, kind)]
    for kind in fitting:
        yield Plugin(name, kind, shown, f"{cls.__module__}:{cls.__qualname__}", cls, short=_words(short))
    if not fitting:
        nearly = min(kinds, key=lambda kind: len(missing_members(cls, kind)))
        yield _broken(name, fault(cls, nearly), nearly, shown, short)


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
        offers, error = imported(f"{module}:cdc_plugins")
        if error or not isinstance(offers, Sequence) or not all(isinstance(each, type) for each in offers):
            yield _broken(module, error or f"its cdc_plugins is not a list of classes: {offers!r}")
            continue
        for cls in offers:
            yield from _as_kinds(cls, tuple(CONTRACTS), UNDEFINED)


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
